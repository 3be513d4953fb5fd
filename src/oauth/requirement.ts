/** A test, by its file from the root of the repository and by its title. */
export interface TestName {
  file: string;
  name: string;
}

/** What an RFC asks of an authorization server, and the tests that show it. */
export interface Requirement {
  rfc: number;
  section: string;
  /** One sentence, in our own words. */
  requirement: string;
  tests: readonly [TestName, ...TestName[]];
}

export type Section = [section: string, requirement: string, ...tests: [TestName, ...TestName[]]];

/** The requirements of one RFC, in the order of its sections. */
export function requirementsOf(rfc: number, sections: readonly Section[]): Requirement[] {
  return sections.map(([section, requirement, ...tests]) => ({ rfc, section, requirement, tests }));
}

/** A test of a file of this folder: `pure("pkce", …)` stands in pkce.test.ts. */
export function pure(file: string, name: string): TestName {
  return { file: `src/oauth/${file}.test.ts`, name };
}

/** A test over HTTP: `over("device", …)` stands in workers/oauth-device.test.ts. */
export function over(file: string, name: string): TestName {
  return { file: `workers/oauth-${file}.test.ts`, name };
}
