/** The version of the plan. A runtime refuses a newer major version. */

export const planVersion = { major: 1, minor: 0 } as const;
