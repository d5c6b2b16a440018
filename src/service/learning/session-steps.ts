import { NEXT_SESSION, type StepPage } from "./step-page.js";

/** One action of a session; those of a session come together and in order. */
export interface SessionStep {
  /** Of the session, unlike that of the one before it in the stream. */
  readonly session: string;
  /** Of the session, 0 to 1: the same with each of its actions. */
  readonly success: number;
  readonly action: string;
}

/** Collects the steps of sessions in four bytes each. */
export class SessionSteps {
  readonly #numbers = new Map<string, number>();
  readonly #pages: StepPage[] = [];
  #session: string | undefined;
  #stepCount = 0;
  #sessionCount = 0;

  get pages(): readonly StepPage[] {
    return this.#pages;
  }

  get stepCount(): number {
    return this.#stepCount;
  }

  /** Sessions with actions. */
  get sessionCount(): number {
    return this.#sessionCount;
  }

  /** Different actions. */
  get actionCount(): number {
    return this.#numbers.size;
  }

  add(page: readonly SessionStep[]): void {
    const steps: number[] = [];
    const successes: number[] = [];
    const names: string[] = [];
    for (const { session, success, action } of page) {
      if (session !== this.#session) {
        this.#session = session;
        this.#sessionCount += 1;
        steps.push(NEXT_SESSION);
        successes.push(success);
      }
      let number = this.#numbers.get(action);
      if (number === undefined) {
        number = this.#numbers.size;
        this.#numbers.set(action, number);
        names.push(action);
      }
      steps.push(number);
    }
    this.#stepCount += page.length;
    this.#pages.push({
      steps: Uint32Array.from(steps),
      successes: Float64Array.from(successes),
      names: new TextEncoder().encode(JSON.stringify(names)),
    });
  }
}
