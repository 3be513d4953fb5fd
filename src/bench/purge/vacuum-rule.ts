/** autovacuum_vacuum_threshold and autovacuum_vacuum_scale_factor, as they come. */
const THRESHOLD = 50;
const SCALE_FACTOR = 0.2;

/**
 * Says when autovacuum would come. Thirty simulated days pass in seconds, in which the real one does not wake once; in
 * a day it wakes 1,440 times, and so finds a table as soon as it is due.
 */
export class VacuumRule {
  #dead = new Map<string, number>();
  #rows = new Map<string, number>();

  /** `rows` are those that a table has now; a new one's count at the first call is what the last vacuum has seen. */
  deleted(table: string, dead: number, rows: number): void {
    this.#dead.set(table, (this.#dead.get(table) ?? 0) + dead);
    if (!this.#rows.has(table)) this.#rows.set(table, rows + dead);
  }

  /** Tables that are due, which count as vacuumed from now on. */
  due(): string[] {
    const due = [...this.#dead.keys()].filter(
      (table) => (this.#dead.get(table) as number) > THRESHOLD + SCALE_FACTOR * (this.#rows.get(table) as number),
    );
    for (const table of due) {
      this.#dead.delete(table);
      this.#rows.delete(table);
    }
    return due;
  }
}
