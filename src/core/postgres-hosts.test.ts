import { expect, test } from "vitest";
import { formatHost, parsePostgresHosts } from "./postgres-hosts.js";

const hosts = (url: string) => parsePostgresHosts(url).hosts.map(formatHost).join(" ");

test.each([
  ["postgres://u:p@h1:5433,h2:5434/db", "h1:5433 h2:5434"],
  ["postgresql://h1,h2:5434/db", "h1:5432 h2:5434"],
  ["postgres://[::1]:5433,[fe80::1]/db", "[::1]:5433 [fe80::1]:5432"],
  ["postgres:///db?host=h1,h2&port=5433", "h1:5433 h2:5433"],
  ["postgres:///db?host=h1,h2&port=5433,5434", "h1:5433 h2:5434"],
  ["postgres://ignored/db?host=/run/a,/run/b", "/run/a /run/b"],
  ["postgres://%2Frun%2Fa,h2/db", "/run/a h2:5432"],
  ["postgres://,h2/db", "localhost:5432 h2:5432"],
  ["postgres://u:p@h1/db", "h1:5432"],
])("%s lists %s", (url, expected) => {
  expect(hosts(url)).toBe(expected);
});

test("the driver gets a URL without the list, with all else that was in it", () => {
  const given = "postgres://u:p%40@h1,h2:5434/my%20db?target_session_attrs=read-write&sslmode=require&port=1";
  const { url, target } = parsePostgresHosts(given);
  expect(url).toBe("postgres://u:p%40@localhost/my%20db?sslmode=require");
  expect(target).toBe("read-write");
});

test.each(["postgres://u:p@h1:5433/db?sslmode=require", "postgres:///db", "postgres://%2Frun%2Fa/db"])(
  "the URL of one host is left to the driver as it is: %s",
  (url) => {
    expect(parsePostgresHosts(url)).toMatchObject({ url, target: "any" });
  },
);

test.each([
  ["postgres://u:secret@h1,h2/db?target_session_attrs=standby", "expected one of any, read-write, primary"],
  ["postgres://u:secret@h1,h2,h3/db?port=1,2", "got 2 ports and 3 hosts"],
  ["postgres://u:secret@h1:a,h2/db", "such as host1:5432,host2:5432"],
  ["postgres://u:secret@h1,h2/db?port=one,two", "such as host1:5432,host2:5432"],
  ["postgres://u:secret,/x@h1,h2/db", "such as host1:5432,host2:5432"],
])("what cannot be used is refused without repeating it: %s", (url, message) => {
  expect(() => parsePostgresHosts(url)).toThrow(message);
  expect(() => parsePostgresHosts(url)).not.toThrow("secret");
});
