/** The two prompts in use, as a module of their own: loaded when first asked, and nothing else of the package with them. */
export { input, password } from '@inquirer/prompts';
