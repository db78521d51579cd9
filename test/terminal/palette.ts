/** Colours of the drawn terminal. Every text colour has a contrast of at least 4.5 to 1 on its background. */
import type { Colour } from './cells.ts';

export type ThemeName = 'dark' | 'light';

/** A terminal's colour scheme. */
export interface Theme {
  readonly background: string;
  readonly foreground: string;
  /** The window's edge and the line under its title. */
  readonly edge: string;
  readonly title: string;
  /** How much of the background is mixed into dim text, 0 to 1. */
  readonly dimming: number;
  /** The sixteen named colours in the order of their numbers. */
  readonly named: readonly string[];
}

export const THEMES: Readonly<Record<ThemeName, Theme>> = {
  dark: {
    background: '#16191f',
    foreground: '#d7dce5',
    edge: '#2a2f39',
    title: '#8a93a3',
    dimming: 0.4,
    named: [
      ...['#7b8494', '#f0808a', '#8fce93', '#e5c07b', '#82aaf5', '#c99bee', '#6fc8d8', '#c8cdd6'],
      ...['#98a1b0', '#ff9aa2', '#a9e0ab', '#f2d59a', '#a3c2ff', '#dbb8f7', '#92dde9', '#ffffff'],
    ],
  },
  light: {
    background: '#fcfcfb',
    foreground: '#24292f',
    edge: '#dcdfe3',
    title: '#69707a',
    dimming: 0.34,
    named: [
      ...['#24292f', '#c02633', '#23773a', '#8a6100', '#2257b8', '#8439a3', '#0c7080', '#69707a'],
      ...['#57606a', '#b02a37', '#1f7034', '#7d5800', '#1d4fa8', '#7a3397', '#0a6675', '#4a525c'],
    ],
  },
};

const channels = (hex: string) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
const hexOf = (rgb: readonly number[]) =>
  `#${rgb.map((c) => Math.round(c).toString(16).padStart(2, '0')).join('')}`;

/** `amount` of the second colour in the first. */
export function mix(first: string, second: string, amount: number): string {
  const other = channels(second);
  return hexOf(channels(first).map((c, i) => c + ((other[i] as number) - c) * amount));
}

/** Contrast of two colours as WCAG 2 counts it, 1 to 21. */
export function contrast(first: string, second: string): number {
  const luminance = (hex: string) => {
    const [r, g, b] = channels(hex).map((c) => {
      const part = c / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [luminance(first), luminance(second)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** A cell's colour in a theme: named, from the colour cube, from the greys, or its own. */
export function hexColour(colour: Colour, theme: Theme): string {
  if (typeof colour === 'string') return colour;
  if (colour < 16) return theme.named[colour] as string;
  if (colour >= 232) return hexOf(Array(3).fill(8 + (colour - 232) * 10));
  const steps = [0, 95, 135, 175, 215, 255];
  const place = colour - 16;
  return hexOf([place / 36, (place / 6) % 6, place % 6].map((step) => steps[Math.floor(step)] as number));
}
