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
  ${product.name} verify [DIR...]
      prove every control against what runs
  ${product.name} verify --fix [DIR]
      repair what failed; ask before anything is interrupted or rotated
  ${product.name} verify --watch EVERY [DIR]
      verify again and again (30s, 5m, 1h), tell what changes
  ${product.name} verify --evidence [--signers FILE] [DIR...]
      prove the chain of kept records; with --expect HASH, that none was cut off
  ${product.name} probe https://HOST [--inside] [--ca FILE]
      look at an install from another machine; needs no Docker
  ${product.name} explain CONTROL [--dir DIR]
      what it says, how it is looked at, what it is here, how it is repaired
  ${product.name} controls [--section NAME] [--json]
      every control with its section of the guide
  ${product.name} schedule systemd|cron [--dir DIR]
      units or a line for checking every day
  ${product.name} example | schema [answers|waivers|report]
      a commented file; a JSON Schema

Options
  --dir DIR         install directory (${product.defaultDir})
  --answers FILE    answers in YAML
  --yes, -y         agree to every change beforehand; of verify --fix, too
  --dry-run         plan only; exit 4 when there are changes to make
  --files-only      write and check all that needs no Docker Engine
  --skip CONTROL    waive one control for this run; every report shows it
  --waivers FILE    owned, explained, ending waivers (DIR/waivers.yaml)
  --plain           the wizard as sentences: screen reader, serial console;
                    no colours
  --verbose, -v     show every control with what was seen, and full diffs
  --json            the report as JSON on stdout; progress goes to stderr
  --version, -V     print the version
  --help, -h        print this

Options of verify (with --fix, of the look after the repair)
  --format NAME[=FILE]   text, json, sarif, junit, markdown, html, prometheus;
                         may come several times; of probe, too
  --only ID,...          these controls or steps; tls.* for all that begin so;
                         a repair looks at everything: not with --fix
  --section NAME         a section of the guide; not with --fix
  --severity required    leave the advised ones out; not with --fix
  --fail-on advised      advised controls count like required ones
  --exit-zero            exit 0 whatever was found; every report says what was
  --since last|TIME      what is new, fixed and still open since then
  --outside FILE         the JSON of a probe from another machine
  --sign-key FILE        sign the evidence record with an SSH key

A flag that does nothing with the others is refused, never ignored.

Every answer also has a flag (--admin-ranges) and a variable
(${product.envPrefix}_ADMIN_RANGES); a secret only a reference in the answers file
or a variable that ends in _FILE. The first that is set wins: flag, variable,
answers file, answers of the last run, default.

Exit codes
${exits.join('\n')}
`;
}
