import { loadProviders } from "../sign-in/provider.ts";

/** What a deployment needs to know, from the environment. */
export interface DeploySettings {
  /** Connection string of the Neon database's owner. */
  ownerUrl: string;
  /** Origin of the service, without a trailing slash. */
  publicUrl: string;
  /** E-mail address of the platform's first operator. */
  firstOperator: string;
  /** JSON of the OpenID providers at which people sign in; null: those that the Worker has, or none. */
  providers: string | null;
  /** The address that mail is from, of a domain onboarded at Cloudflare; null: the one that the Worker has, or none. */
  mailFrom: string | null;
}

interface Setting {
  name: string;
  whereFrom: string;
  isValid(value: string): boolean;
  /** May be left out. */
  optional?: true;
}

const isAddress = (value: string) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value);

const SETTINGS: Readonly<Record<keyof DeploySettings, Setting>> = {
  ownerUrl: {
    name: "NEON_DATABASE_URL",
    whereFrom: "the owner's direct connection string, postgresql://…: Neon console, your project, Connect, pooling off",
    isValid: (value) => {
      const url = URL.parse(value);
      return url !== null && /^postgres(ql)?:$/.test(url.protocol) && url.hostname !== "" && passwordOf(value) !== null;
    },
  },
  publicUrl: {
    name: "PUBLIC_URL",
    whereFrom:
      "the https origin under which clients reach the Worker, without a path or a last slash: its workers.dev address or your domain",
    isValid: (value) => {
      const url = URL.parse(value);
      return url !== null && url.protocol === "https:" && url.origin === value;
    },
  },
  firstOperator: {
    name: "EBB_FIRST_OPERATOR",
    whereFrom: "the e-mail address of the person who will run the platform",
    isValid: isAddress,
  },
  providers: {
    name: "EBB_OIDC_PROVIDERS",
    whereFrom:
      "JSON of the OpenID providers at which people sign in, as README.md shows it, each with the https issuer of a public host",
    isValid: areProviders,
    optional: true,
  },
  mailFrom: {
    name: "EBB_MAIL_FROM",
    whereFrom: "the address that mail is from, of a domain that the Cloudflare account has onboarded for sending",
    isValid: isAddress,
    optional: true,
  },
};

/** As production takes them: neither the local provider nor any address that is not public. */
function areProviders(value: string): boolean {
  try {
    return loadProviders(value, false).length > 0;
  } catch {
    return false;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The settings, or one sentence for each that is missing or malformed. Never repeats a value: one of them is a secret. */
export function deploySettings(env: Environment): { settings: DeploySettings; missing: string[] } {
  const missing: string[] = [];
  const read = (key: keyof DeploySettings): string => {
    const { name, whereFrom, isValid, optional } = SETTINGS[key];
    const value = env[name]?.trim() ?? "";
    if (value === "" && optional) return value;
    if (value === "") missing.push(`${name} is not set: ${whereFrom}.`);
    else if (!isValid(value)) missing.push(`${name} does not look right: ${whereFrom}.`);
    return value;
  };
  const settings = {
    ownerUrl: read("ownerUrl"),
    publicUrl: read("publicUrl"),
    firstOperator: read("firstOperator"),
    providers: read("providers") || null,
    mailFrom: read("mailFrom") || null,
  };
  return { settings, missing };
}

/** The decoded password of a connection string; null when it has none, or one that is not well percent-encoded. */
export function passwordOf(connectionString: string): string | null {
  try {
    return decodeURIComponent(new URL(connectionString).password) || null;
  } catch {
    return null;
  }
}
