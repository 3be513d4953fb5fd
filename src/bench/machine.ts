import { arch, cpus, loadavg, platform, release, totalmem } from "node:os";
import process from "node:process";
import { workerdProgram } from "./workerd.ts";

/** Where figures come from: without it they say nothing. */
export interface Machine {
  cores: number;
  cpu: string;
  memoryGiB: number;
  system: string;
  node: string;
  workerd: string;
  /** Processes that wanted a core in the minute before (1-minute load average): a quiet machine has next to none. */
  loadBefore: number;
}

/** To be asked before the bench, which is itself a load. */
export function machine(): Machine {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.versions.node,
    workerd: workerdProgram().version,
    loadBefore: loadavg()[0] ?? 0,
  };
}
