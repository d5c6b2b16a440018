/**
 * Makes the clock of this process jump: everything that asks for the date is told one that is off. Timers and
 * `performance.now` do not follow, as those of a machine whose clock is set do not.
 */
export function installJumpingClock(): { jump(offsetMs: number): void } {
  const Real = Date;
  let offset = 0;
  globalThis.Date = new Proxy(Real, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [Real.now() + offset] : args, newTarget),
    get: (target, key) => (key === "now" ? () => Real.now() + offset : Reflect.get(target, key)),
  });
  return {
    jump: (offsetMs) => {
      offset = offsetMs;
    },
  };
}
