/** This tool's own version, set when it is built. */
export const VERSION: string = process.env.CREATE_CORECUBE_SECURE_VERSION ?? '0.0.0';
