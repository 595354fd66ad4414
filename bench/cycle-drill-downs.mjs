export async function drillDowns() {}
