/** The people of the local OpenID provider: whoever starts it may be any of them. */
export interface LocalPerson {
  subject: string;
  name: string;
  email: string;
  emailVerified: boolean;
  /** What the page that offers them says. */
  what: string;
}

export const LOCAL_PEOPLE = [
  {
    subject: "olga",
    name: "Olga",
    email: "olga@ebb.example",
    emailVerified: true,
    what: "becomes the platform's owner by signing in",
  },
  { subject: "ada", name: "Ada", email: "ada@acme.example", emailVerified: true, what: "owner of the customer Acme" },
  {
    subject: "rita",
    name: "Rita",
    email: "rita@initech.example",
    emailVerified: true,
    what: "owner of the reseller Initech",
  },
  {
    subject: "carl",
    name: "Carl",
    email: "carl@globex.example",
    emailVerified: true,
    what: "member of Globex, a client of Initech",
  },
  {
    subject: "sam",
    name: "Sam",
    email: "sam@elsewhere.example",
    emailVerified: true,
    what: "belongs nowhere: somebody to invite",
  },
  {
    subject: "una",
    name: "Una",
    email: "una@elsewhere.example",
    emailVerified: false,
    what: "belongs nowhere, with an address that is not verified",
  },
] as const satisfies readonly LocalPerson[];

/** FIRST_OPERATOR on this machine. */
export const LOCAL_OPERATOR = LOCAL_PEOPLE[0].email;
