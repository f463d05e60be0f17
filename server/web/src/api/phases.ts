// When training changes phase, as the server answers it.
import type { GetPhasesResponse, RunPhases } from "../generated/hooke/v1/query_pb.js";
import { PhaseKind, type Scale } from "../generated/hooke/v1/query_pb.js";
import type { Marks } from "../charts/marks.js";
import { queries } from "./clients.js";

// Without a series the server takes its default: the first measure's dominance, or scalar S.
export function getPhases(parent: string, series: string, scale: Scale, signal?: AbortSignal): Promise<GetPhasesResponse> {
  return queries.getPhases({ parent, series: series ? [series] : [], scale }, { signal });
}

export function marksOf(phases: RunPhases): Marks {
  return {
    elastic: phases.segments
      .filter(({ kind }) => kind === PhaseKind.ELASTIC)
      .map(({ fromStep, toStep }) => ({ from: Number(fromStep), to: Number(toStep) })),
    transitions: phases.transitions.map(({ step, stepLow, stepHigh }) => ({ step, low: stepLow, high: stepHigh })),
  };
}
