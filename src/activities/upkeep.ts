/** Activities that keep the database in shape. `makePartitions` acts as the owner's role, which the application has not. */
export function createUpkeepActivities(deps: { readonly makePartitions: () => Promise<number> }) {
  return {
    async makePartitions(): Promise<number> {
      return deps.makePartitions();
    },
  };
}
