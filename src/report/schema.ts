import schema from '../../templates/report.schema.json?raw';

/** The JSON Schema (draft 2020-12) of `--format json`; ends with a line break. */
export const reportSchema = (): string => schema;
