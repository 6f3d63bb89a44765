/** What to type for the programs, as whoever called this one did; for messages. */
export interface CalledAs {
  /** The command line tool, up to its command. */
  readonly cli: string;
  /** The start of a server. */
  readonly server: string;
}

export const CALLED_BY_NPM: CalledAs = { cli: 'npm run cli --', server: 'npm start' };
