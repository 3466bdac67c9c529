// What the server's machine can do: what it has, what is made of it, and what would help.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { list, memory, type Download } from "./downloads";
import { Icon, type IconName } from "./icons";
import { ask } from "./server";

interface Found {
  readonly machine: Readonly<Record<string, string>>;
  readonly plan: Readonly<Record<string, string>>;
  readonly problems: readonly { readonly what: string; readonly way_out: string }[];
}

const found = signal<Found | null>(null);

export function MachinePanel() {
  useEffect(() => {
    void ask<Found>("v1/machine", { isQuiet: true }).then(
      (answer) => (found.value = answer),
      () => undefined, // the state of the connection is shown above the views
    );
  }, []);
  const now = found.value;
  return (
    <section aria-labelledby="machine-title">
      <h2 id="machine-title">What this machine can do</h2>
      {now === null ? (
        <p class="quiet">Being looked at …</p>
      ) : (
        <>
          <dl class="facts card">
            {facts(now).map(({ icon, name, value, more }) => (
              <div key={name}>
                <dt class="small quiet">
                  <Icon name={icon} /> {name}
                </dt>
                <dd>
                  {value}
                  {more && <span class="quiet small">{more}</span>}
                </dd>
              </div>
            ))}
          </dl>
          {now.problems.map(({ what, way_out }) => (
            <p class="card note" key={what}>
              {sentence(what)} <span class="quiet">To change that: </span>
              {way_out}
            </p>
          ))}
        </>
      )}
    </section>
  );
}

interface Fact {
  readonly icon: IconName;
  readonly name: string;
  readonly value: string;
  readonly more: string;
}

function facts({ machine, plan }: Found): Fact[] {
  const get = (of: Readonly<Record<string, string>>, name: string) => whole(of[name] ?? "unknown");
  const isOnGpu = get(plan, "device") === "cuda";
  return [
    {
      icon: "chip",
      name: "Processor",
      value: get(machine, "processor"),
      more: `${get(machine, "usable cores")} cores · ${get(machine, "vector instructions")}`,
    },
    {
      icon: "memory",
      name: "Memory",
      value: get(machine, "usable memory"),
      more: roomFor(list.value?.data ?? []),
    },
    {
      icon: "bolt",
      name: "Computes",
      value: isOnGpu ? "On the GPU" : "On the processor",
      more: [
        ...(get(machine, "usable GPUs") === "0" ? ["no usable GPU"] : []),
        `${get(plan, "parallel work")} in ${get(plan, "compute type")}`,
        ...(plan["engine"] ? [plan["engine"].replace(/:.*/su, "")] : []), // not how it was chosen
      ].join(" · "),
    },
    { icon: "disk", name: "Disk", value: get(plan, "free disk"), more: "free for models" },
  ];
}

/** `2 of 2 cores` are `2 cores`. */
const whole = (text: string): string => text.replace(/^(\S+) of \1(?=\s|$)/u, "$1");

/** How much of the models the memory has room for, one at a time. */
function roomFor(all: readonly Download[]): string {
  const models = all.filter(({ fits }) => fits !== null);
  const fitting = models.filter(({ fits }) => fits);
  const largest = [...fitting].sort((a, b) => (b.memory_mb ?? 0) - (a.memory_mb ?? 0))[0];
  if (!largest) return "";
  const needs = `${largest.id} takes about ${memory(largest.memory_mb ?? 0)}`;
  return fitting.length === models.length
    ? `Room for every known model; ${needs}`
    : `Room for models up to ${largest.id}, which ${needs.slice(largest.id.length + 1)}`;
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
