/** SQL that holds for a `rated_charge c` whose energy has no price, as `isFree` of core/ledger has it: free, neither unbilled nor billed. */
export const freeEnergySql = "(c.component = 'ENERGY/free' OR c.unit_price ~ '^-?0+(\\.0*)?$')";
