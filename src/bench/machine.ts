import { arch, cpus, platform, release, totalmem } from "node:os";
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
}

export function machine(): Machine {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.versions.node,
    workerd: workerdProgram().version,
  };
}
