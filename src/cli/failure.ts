/** A command could not do its work, for a reason that `message` says in one sentence. Exit code 1. */
export class CommandFailure extends Error {
  override name = "CommandFailure";
}

/** A command was called in a way that it does not know: `message` says how, in one sentence. Exit code 2. */
export class UsageFailure extends Error {
  override name = "UsageFailure";
}
