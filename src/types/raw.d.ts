/** `import text from './file?raw'`: the file's text, inlined by the bundler (build) and by Vite (tests). */
declare module '*?raw' {
  const text: string;
  export default text;
}
