/**
 * Every statement that a gate runs on its own SQLite, and the tables they need. A gate keeps its state here because the
 * answer to a ping may leave only after the ping is durable (the output gate holds it back), and because all that a
 * ping is checked against must be in the same place.
 *
 * | table   | holds                                     | until                                         |
 * |---------|-------------------------------------------|-----------------------------------------------|
 * | meta    | the tenant, its plan and status, counters | the tenant is gone                            |
 * | client  | SHA-256 of each active client's secret, and what it registered | 90 days after the instance was removed; an unclaimed one's 24 hours |
 * | forward | to which gate a client was claimed        | 90 days: whoever asks after that has it looked up again |
 * | floor   | tokens issued before this are refused     | such tokens have expired                      |
 * | seen    | the last bucket an instance pinged or a person's token asked in, and a ping's admission | that bucket has ended; the admission: its window has passed |
 * | journal | what Postgres has not yet                 | it is flushed                                 |
 * | spent   | admissions that limits still count, packed | their window has passed                      |
 * | known_key | what was looked up of a live API key, so that the next call asks no database | the UTC hour ends, or any key or the tenant changes |
 */
export const SCHEMA: readonly string[] = [
  `create table meta (key text primary key, value) without rowid;
   create table client (
     client_id text primary key, instance_id text not null, secret_hash blob not null, scope text not null,
     revoked_at integer, expires_at integer
   ) without rowid;
   create table floor (subject text primary key, before_ms integer not null, reason text not null, expires_at integer not null) without rowid;
   create table seen (
     instance_id text not null, kind text not null, bucket integer not null, spent_at integer, primary key (instance_id, kind)
   ) without rowid;
   create table journal (
     seq integer primary key, instance_id text not null, kind text not null, bucket integer not null,
     received_at integer not null, expires_at integer not null, os_kind text, os_name text, os_version text,
     spent_at integer
   );
   create table spent (
     policy text not null, subject text not null, opened_at integer not null, nth integer not null, count integer not null,
     expires_at integer not null, primary key (policy, subject, opened_at, nth)
   ) without rowid;`,
  // Counts packed, a row a chunk. What the version before had counted, which was never released, is let go.
  `drop table spent;
   create table spent (
     policy text not null, subject text not null, seq integer not null, opened_at integer not null, stamps blob not null,
     reserved integer not null, lapses_at integer not null, expires_at integer not null, primary key (policy, subject, seq)
   ) without rowid;`,
  `create table known_key (
     key text primary key, facts text not null, calls_per_hour integer, expires_at integer not null
   ) without rowid;`,
  // What a client registered, whether it is claimed, and where it went; what persons' tokens ask. A client of before has
  // told its scope alone. Of a ping the day is journaled, and no moment.
  `create table registered (
     client_id text primary key, instance_id text not null, secret_hash blob, facts text, claimed integer not null, heard integer not null default 0,
     revoked_at integer, expires_at integer
   ) without rowid;
   insert into registered (client_id, instance_id, secret_hash, facts, claimed, revoked_at, expires_at)
     select client_id, instance_id, nullif(secret_hash, x''), iif(revoked_at is null, json_object('scope', scope), null), 1,
            revoked_at, expires_at from client;
   drop table client;
   alter table registered rename to client;
   create table forward (client_id text primary key, gate_id text not null, expires_at integer not null) without rowid;
   create table asked (
     instance_id text not null, person_id text not null, kind text not null, bucket integer not null, spent_at integer,
     primary key (instance_id, kind, person_id)
   ) without rowid;
   insert into asked (instance_id, person_id, kind, bucket, spent_at) select instance_id, '', kind, bucket, spent_at from seen;
   drop table seen;
   alter table asked rename to seen;
   alter table journal add column person_id text;
   alter table journal drop column received_at;`,
];

export const SQL = {
  version: "select value from meta where key = 'schema'",
  dropMeta: "delete from meta where key = ?",
  setMeta: "insert into meta (key, value) values (?, ?) on conflict (key) do update set value = excluded.value",
  allMeta: "select key, value from meta",

  client: `select instance_id, secret_hash, facts, claimed, revoked_at from client
    where client_id = ? and (expires_at is null or expires_at > ?)`,
  putClient: `insert into client (client_id, instance_id, secret_hash, facts, heard, claimed) values (?, ?, ?, ?, ?, 1)
    on conflict (client_id) do update set instance_id = excluded.instance_id, secret_hash = excluded.secret_hash,
      facts = excluded.facts, heard = excluded.heard, claimed = 1, expires_at = null
    where client.revoked_at is null and client.heard <= excluded.heard`,
  /** What it was is gone at once; the tombstone stays for as long as the instance's row does. */
  revokeClient: `insert into client (client_id, instance_id, claimed, revoked_at, expires_at) values (?, ?, 1, ?, ?)
    on conflict (client_id) do update set secret_hash = null, facts = null,
      revoked_at = coalesce(client.revoked_at, excluded.revoked_at),
      expires_at = coalesce(client.expires_at, excluded.expires_at)`,
  adopt: `insert into client (client_id, instance_id, secret_hash, facts, claimed, expires_at) values (?, ?, ?, ?, 0, ?)
    on conflict (client_id) do nothing`,
  changeClient: `update client set secret_hash = ?, facts = ?
    where client_id = ? and claimed = 0 and revoked_at is null and expires_at > ? returning client_id`,
  dropClient: "delete from client where client_id = ?",
  unclaimed: "select count(*) as unclaimed from client where claimed = 0 and expires_at > ?",
  forwardOf: "select gate_id from forward where client_id = ?",
  forward: "insert into forward (client_id, gate_id, expires_at) values (?, ?, ?) on conflict (client_id) do nothing",

  floors: "select subject, before_ms, reason, expires_at from floor",
  putFloor: `insert into floor (subject, before_ms, reason, expires_at) values (?, ?, ?, ?)
    on conflict (subject) do update set before_ms = excluded.before_ms, reason = excluded.reason,
      expires_at = excluded.expires_at`,

  /** What an instance's ping is decided on, in one look: its last bucket, and what its limit still counts. */
  lastPing: `select bucket, spent_at, null as seq, null as opened_at, null as stamps, null as reserved, null as lapses_at,
      null as expires_at from seen where instance_id = ?1 and kind = ?2 and person_id = ''
    union all select null, null, seq, opened_at, stamps, reserved, lapses_at, expires_at from spent
      where policy = ?3 and subject = ?1`,
  /** The last bucket in which a person's token asked. */
  lastAsked: "select bucket from seen where instance_id = ? and kind = ? and person_id = ?",
  journal: `insert into journal (instance_id, person_id, kind, bucket, expires_at, os_kind, os_name, os_version, spent_at)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  journaled: "select instance_id, person_id, kind, bucket, spent_at from journal order by seq",
  pending: "select count(*) as pending from journal",
  batch: `select seq, instance_id, person_id, kind, bucket, expires_at, os_kind, os_name, os_version
    from journal order by seq limit ?`,
  /** What is flushed is remembered for its bucket. Done a batch at a time: the journal alone is written on a ping's way. */
  see: `insert into seen (instance_id, person_id, kind, bucket, spent_at)
    select instance_id, coalesce(person_id, ''), kind, max(bucket), max(spent_at) from journal where seq <= ? group by 1, 2, 3
    on conflict (instance_id, kind, person_id) do update set bucket = max(seen.bucket, excluded.bucket),
      spent_at = coalesce(max(seen.spent_at, excluded.spent_at), seen.spent_at, excluded.spent_at)`,
  flushed: "delete from journal where seq <= ? returning instance_id, person_id, kind, bucket",

  spent: "select seq, opened_at, stamps, reserved, lapses_at, expires_at from spent where policy = ? and subject = ?",
  spend: `insert into spent (policy, subject, seq, opened_at, stamps, reserved, lapses_at, expires_at)
    values (?, ?, ?, ?, ?, ?, ?, ?)
    on conflict (policy, subject, seq) do update set opened_at = excluded.opened_at, stamps = excluded.stamps,
      reserved = excluded.reserved, lapses_at = excluded.lapses_at, expires_at = excluded.expires_at`,
  unspend: "delete from spent where policy = ? and subject = ?",
  /** A window that has become longer counts what a shorter one would forget. */
  stretch: "update spent set expires_at = expires_at + ? where policy = ?",

  knownKeys: "select key, facts, calls_per_hour, expires_at from known_key order by expires_at",
  putKnownKey: `insert into known_key (key, facts, calls_per_hour, expires_at) values (?, ?, ?, ?)
    on conflict (key) do update set facts = excluded.facts, calls_per_hour = excluded.calls_per_hour, expires_at = excluded.expires_at`,
  dropKnownKey: "delete from known_key where key = ?",
  dropKnownKeys: "delete from known_key",
  forgetKnownKeys: "delete from known_key where expires_at <= ?",

  forgetClients: "delete from client where expires_at <= ?",
  forgetForwards: "delete from forward where expires_at <= ?",
  forgetFloors: "delete from floor where expires_at <= ?",
  /** The moment of an admission goes as soon as no limit counts it, the day or hour when it has ended. */
  forgetJournalSpent: "update journal set spent_at = null where spent_at < ?",
  forgetSeenSpent: "update seen set spent_at = null where spent_at < ?",
  forgetSeen: "delete from seen where kind = ? and bucket < ? and spent_at is null",
  forgetSpent: "delete from spent where expires_at <= ?",
} as const;
