import { EXIT_MEANING } from './core/errors.ts';
import type { Product } from './core/product.ts';

/** The text of `--help`. */
export function helpText(product: Product): string {
  const exits = Object.entries(EXIT_MEANING).map(
    ([code, meaning]) => `  ${code.padStart(3)}  ${meaning.replaceAll('`', '')}`,
  );
  return `${product.description}

Usage
  ${product.name} [--dir DIR]
      the wizard; on an existing install: what drifted, and its repair
  ${product.name} --yes --answers FILE [--dir DIR]
      deploy, prove, and repair what drifted, with nobody there
  ${product.name} --dry-run --answers FILE
      show what would be done; change nothing
  ${product.name} verify [--dir DIR] [--json]
      prove every control against what runs
  ${product.name} probe https://NAME[:PORT] [--json]
      look from another machine, without Docker; verify takes the JSON (--outside)
  ${product.name} example | schema | controls
      a commented answers file; its JSON Schema; every control with its section

Options
  --dir DIR         install directory (${product.defaultDir})
  --answers FILE    answers in YAML
  --yes, -y         agree to every change beforehand
  --dry-run         plan only; exit 4 when there are changes to make
  --files-only      write and check all that needs no Docker Engine; start nothing
  --skip CONTROL    waive one control by its id; every report shows it
  --outside FILE    verify: the JSON of a probe as evidence
  --inside          probe: this machine is inside the allowed ranges
  --ca FILE         probe: the root certificate of a private authority
  --plain           the wizard as sentences: screen reader, serial console, log
  --json            the report as JSON on stdout; progress goes to stderr
  --verbose, -v     show every control with what was seen, and full diffs
  --version, -V     print the version
  --help, -h        print this

Every answer also has a flag (--admin-ranges) and a variable
(${product.envPrefix}_ADMIN_RANGES); a secret only a reference in the answers file
or a variable that ends in _FILE. The first that is set wins: flag, variable,
answers file, answers of the last run, default.

Exit codes
${exits.join('\n')}
`;
}
