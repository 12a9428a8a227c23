import { UsageError } from './exit.js';

/** Checks the value of an option that yargs turned into a number, so that `--skip x` is refused by its name. */
export function wholeNumber(option: string, min: number, max: number): (value: number) => number {
  return (value) => {
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new UsageError(`--${option} takes a whole number from ${min} to ${max}`);
    }
    return value;
  };
}

/** The same for an option that may be absent; yargs passes undefined then. */
export function optionalWholeNumber(
  option: string,
  min: number,
  max: number,
): (value: number | undefined) => number | undefined {
  const check = wholeNumber(option, min, max);
  return (value) => (value === undefined ? undefined : check(value));
}
