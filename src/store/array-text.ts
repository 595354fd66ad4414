/** Members of an array of numbers as PostgreSQL writes it: the parser of the driver would make each a bigint. */
export function membersOf(array: string): string[] {
  return array.length === 2 ? [] : array.slice(1, -1).split(',');
}
