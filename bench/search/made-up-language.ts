/** Text of 30,000 made-up words, as frequent as those of a language are (Zipf), and the same on every run. */
export interface MadeUpLanguage {
  /** So many words at least, and up to `spread` more. */
  text(least: number, spread: number): string;
  /** What is asked, by kind: a question, one rare word, one common word, a misspelt one, a long paragraph. */
  readonly queries: Readonly<Record<string, () => string>>;
}

const SYLLABLES =
  "ba be bi bo bu da de di do du ka ke ki ko ku la le li lo lu ma me mi mo na ne ni no ra re".split(" ");
/** Words that stand nearly everywhere, and their share of a text. */
const COMMON = "the of to and in is for was on with".split(" ");
const COMMON_SHARE = 0.33;

export function createMadeUpLanguage(): MadeUpLanguage {
  let seed = 42;
  const random = () => {
    seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return seed / 2 ** 32;
  };
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const syllables = () =>
    Array.from({ length: 2 + Math.floor(random() * 3) }, () => pick(SYLLABLES)).join("");
  const words = Array.from({ length: 30_000 }, () => syllables() + pick(["n", "r", "s", "t"]));
  const long = words.filter((word) => word.length > 6);
  const zipf = () => words[Math.floor(words.length ** random()) - 1] ?? "word";
  const word = () => (random() < COMMON_SHARE ? pick(COMMON) : zipf());
  const text = (least: number, spread: number) =>
    Array.from({ length: least + Math.floor(random() * spread) }, word).join(" ");
  const misspelt = (of: string) => of.slice(0, 3) + of.slice(4);
  return {
    text,
    queries: {
      question: () => text(4, 5),
      "rare word": () => pick(words),
      "common word": () => pick(COMMON),
      misspelt: () => misspelt(pick(long)),
      paragraph: () => text(25, 10),
    },
  };
}
