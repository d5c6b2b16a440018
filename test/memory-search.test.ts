import { randomUUID } from "node:crypto";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { MemoryService, MemoryType, SearchMethod, VectorScan } from "../gen/holdfast/v1/memory_pb.js";
import { createEntityCodec } from "../src/entities/entity-codec.js";
import { memory as memoryDeclaration } from "../src/entities/memory.js";
import { workingMemories } from "../src/store/working-memories.js";
import { found, type MemoryInit, remember, search } from "./support/memories.js";
import { query, withConnection } from "./support/query.js";
import { refusal } from "./support/refusal.js";
import { newTenant, present } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const { SEMANTIC, PROCEDURAL, WORKING } = MemoryType;
const { FULL_TEXT, TRIGRAM, VECTOR } = SearchMethod;

const servers = useServers(
  { memoryAccessIntervalMs: 50 },
  { memorySweepIntervalMs: 50, workingMemoryCapacity: 10 },
);

const memoryCodec = createEntityCodec(memoryDeclaration);

describe("search by text", () => {
  test("ranks what has the rarer words first", async () => {
    const tenant = newTenant(servers.app());
    await remember(
      tenant,
      { content: "the billing service times out when the ledger is locked" },
      { content: "the search service is restarted each night" },
      { content: "Ledger exports: see docs/ledger_export.md" },
      { content: "the office plants are watered on Mondays" },
    );
    const answer = await search(tenant, { text: "why is the billing ledger locked?" });
    expect(found(answer).slice(0, 2)).toEqual([
      "the billing service times out when the ledger is locked",
      "Ledger exports: see docs/ledger_export.md",
    ]);
    expect(answer.methods).toEqual([FULL_TEXT, TRIGRAM]);
    expect(answer.hits[0]?.methods).toContain(FULL_TEXT);
    expect(answer.hits.map(({ score }) => score)).toEqual(
      answer.hits.map(({ score }) => score).sort((a, b) => b - a),
    );
    expect(found(await search(tenant, { text: "EXPORT md" }))).toEqual([
      "Ledger exports: see docs/ledger_export.md",
    ]);
  });

  test.each([
    ["German", "Größere Änderungen brauchen eine Prüfung", "änderungen"],
    ["Russian", "Перед выкладкой нужно проверить миграции", "Миграции"],
    ["Greek", "ο διακομιστής δεν απαντά", "ΔΙΑΚΟΜΙΣΤΉΣ"],
    ["Arabic", "الخادم لا يستجيب بعد الترقية", "الخادم"],
    ["Hindi", "सर्वर जवाब नहीं दे रहा है", "सर्वर"],
    ["Hebrew", "השרת אינו מגיב", "השרת"],
    ["Chinese", "用户喜欢在星期五部署计费服务", "计费"],
    ["Chinese, one character", "用户喜欢在星期五部署", "署"],
    ["Japanese", "デプロイの前に移行を確認する", "移行"],
    ["Korean", "배포하기 전에 마이그레이션을 확인하세요", "마이그레이션"],
    ["Thai", "ผู้ใช้ชอบปรับใช้ในวันศุกร์", "วันศุกร์"],
    ["full-width Latin", "ＡＰＩ キー", "api"],
    ["beyond the basic plane", "𠮷野家で昼食", "𠮷野"],
  ])("finds words in %s", async (_language, content, text) => {
    const tenant = newTenant(servers.app());
    await remember(tenant, { content }, { content: "something else entirely 別の事 다른 것" });
    expect(found(await search(tenant, { text }))).toEqual([content]);
  });

  test.each([
    ["kubernets", "the kubernetes cluster runs in Frankfurt"],
    ["recieve", "agents receive their goals in the morning"],
    ["deploymnet", "a deployment takes four minutes"],
    ["deploy", "a deployment takes four minutes"],
    ["мигарции", "проверить миграции"],
  ])("finds %s in other spelling", async (text, content) => {
    const tenant = newTenant(servers.app());
    await remember(tenant, { content }, { content: "nothing of the kind, zebra" });
    const answer = await search(tenant, { text });
    expect(found(answer)).toEqual([content]);
    expect(answer.hits[0]?.methods).toEqual([TRIGRAM]);
  });

  test("finds what is spelt like it though many likelier words have been deleted", async () => {
    const tenant = newTenant(servers.app());
    const gone = await remember(tenant, ...[..."abcdefg"].map((end) => ({ content: `platinu${end}` })));
    await remember(tenant, { content: "platinum" });
    expect(found(await search(tenant, { text: "platinun" }))).not.toContain("platinum");
    for (const { id } of gone) await tenant.rpc.unary(MemoryService.method.deleteMemory, { id });
    expect(found(await search(tenant, { text: "platinun" }))).toEqual(["platinum"]);
    const [expiring] = await remember(tenant, { content: "unobtainium" });
    const expired = { id: present(expiring).id, expireTime: timestampFromDate(new Date(Date.now() - 1000)) };
    await tenant.rpc.unary(MemoryService.method.updateMemory, {
      memory: expired,
      updateMask: { paths: ["expire_time"] },
    });
    expect(found(await search(tenant, { text: "unobtanium" }))).toEqual([]);
  });

  test("finds the newest of those that have every word where all words are common", async () => {
    const tenant = newTenant(servers.app());
    const contents = Array.from({ length: 2000 }, (_, n) => ({
      content: `daily report ${n % 3 === 0 ? "green" : "red"} ${n}`,
      tags: n % 5 === 0 ? ["fifth"] : [],
    }));
    for (let n = 0; n < contents.length; n += 500) await remember(tenant, ...contents.slice(n, n + 500));
    const numbers = async (request: object) =>
      found(await search(tenant, { text: "Report: GREEN, daily", limit: 100, ...request })).map((content) =>
        Number(content?.split(" ").at(-1)),
      );
    const newest = (passes: (n: number) => boolean, many: number) =>
      contents
        .map((_, n) => n)
        .filter(passes)
        .slice(-many);
    const all = await numbers({});
    expect(all).toHaveLength(100);
    const latest = new Set(newest((n) => n % 3 === 0, 300));
    expect(all.filter((n) => !latest.has(n))).toEqual([]);
    const fifth = await numbers({ filter: { tags: ["fifth"] } });
    expect(fifth).toHaveLength(100);
    expect(fifth.filter((n) => n % 15 !== 0)).toEqual([]);
    expect(await numbers({ text: "report green 1998 blue" })).toEqual([1998]);
  });

  test("takes any text, however odd", async () => {
    const tenant = newTenant(servers.app());
    const odd = ["''", "a'b\\c & | ! <-> :*", "%s %I $1", "a".repeat(9000), "\u{1F600}", " \t\n", "\ufffd"];
    await remember(tenant, ...odd.map((content) => ({ content })), { content: "字".repeat(300_000) });
    await remember(tenant, { content: Array.from({ length: 40_000 }, (_, n) => `word${n}`).join(" ") });
    for (const text of odd) await search(tenant, { text });
    expect(found(await search(tenant, { text: "a".repeat(9000) }))).toContain("a".repeat(9000));
    expect(await refusal(search(tenant, {}))).toMatchObject({ fields: ["text"] });
    const wrong = {
      text: "a\0",
      limit: 101,
      embedding: [Number.NaN],
      weights: { text: -1, recency: Number.NaN },
    };
    expect(await refusal(search(tenant, { ...wrong, filter: { includeDeleted: true } }))).toMatchObject({
      reason: "INVALID_FIELD",
      fields: [
        "embedding",
        "embedding_model",
        "filter.include_deleted",
        "limit",
        "text",
        "weights.recency",
        "weights.text",
      ],
    });
  });

  test("filters, and looks through everything that passes however common its words", async () => {
    const tenant = newTenant(servers.app());
    const session = await tenant.open();
    const goalId = randomUUID();
    const noise = Array.from({ length: 500 }, (_, n) => ({ content: `plan status report ${n}` }));
    await remember(tenant, ...noise);
    await remember(
      tenant,
      { content: "plan one", sessionId: session.id },
      { content: "plan two", goalId, tags: ["x", "y"] },
      { content: "plan three", type: PROCEDURAL, labels: { team: "red" }, agentId: "a" },
    );
    const plans = async (filter: object) =>
      found(await search(tenant, { text: "plan status unheard", filter }));
    expect(await plans({ sessionIds: [session.id] })).toEqual(["plan one"]);
    expect(await plans({ goalIds: [goalId] })).toEqual(["plan two"]);
    expect(await plans({ tags: ["x", "y"] })).toEqual(["plan two"]);
    expect(await plans({ tags: ["x", "z"] })).toEqual([]);
    expect(await plans({ types: [PROCEDURAL], labels: { team: "red" }, agentIds: ["a"] })).toEqual([
      "plan three",
    ]);
    expect(await plans({ createTimeFrom: timestampFromDate(new Date(Date.now() + 60_000)) })).toEqual([]);
    expect(await plans({ createTimeBefore: timestampFromDate(new Date(0)) })).toEqual([]);
    expect((await search(tenant, { text: "plan", limit: 100 })).hits).toHaveLength(100);
    expect(await refusal(search(tenant, { text: "plan", minPosition: 10_000n }))).toMatchObject({
      reason: "POSITION_IN_FUTURE",
    });
  });

  test("finds the same through a filter that all pass, which is planned otherwise", async () => {
    const tenant = newTenant(servers.app());
    const colours = ["red", "green", "blue", "yellow"];
    const contents = Array.from({ length: 400 }, (_, n) => ({
      content: `the report ${n} on ${colours[n % 3]} and ${colours[n % 4]} paint, batch${n % 50} of house${n}`,
    }));
    await remember(tenant, ...contents);
    for (const text of [
      "report",
      "the red paint",
      "green blue batch7",
      "yellow unheard",
      "repord yelow",
      "red green blue",
    ]) {
      const hits = async (filter: object) =>
        (await search(tenant, { text, limit: 100, filter })).hits.map(({ memory, methods }) => [
          memory?.content,
          methods,
        ]);
      const all = await hits({});
      expect(all.length, text).toBeGreaterThan(0);
      expect(await hits({ types: [SEMANTIC] }), text).toEqual(all);
    }
  });

  test("weighs importance, recency and success as asked", async () => {
    const tenant = newTenant(servers.app());
    await remember(tenant, { content: "check the quota", importance: 0, successScore: 1 });
    await remember(tenant, { content: "check the quota", importance: 1, successScore: 0 });
    const first = async (weights: object) =>
      (await search(tenant, { text: "quota", weights })).hits[0]?.memory?.importance;
    expect(await first({ importance: 5, success: 0 })).toBe(1);
    expect(await first({ importance: 0, success: 5 })).toBe(0);
  });

  test("shows no other tenant's memories, words or counts", async () => {
    const tenant = newTenant(servers.app());
    const other = newTenant(servers.app());
    const embedding = [1, 0];
    await remember(other, { content: "kryptonite lies under the stairs", embedding, embeddingModel: "m" });
    await remember(tenant, { content: "nothing" });
    for (const text of ["kryptonite", "kryptonit"]) {
      expect((await search(tenant, { text, embedding, embeddingModel: "m" })).hits).toEqual([]);
      expect((await search(other, { text })).hits).toHaveLength(1);
    }
  });
});

describe("among many memories", () => {
  test("search by words reads the index of terms, and working memory its own, never the table", async () => {
    const tenant = newTenant(servers.app());
    await remember(tenant, { content: "a needle of platinum", type: WORKING, agentId: "a" });
    await withConnection(servers.databaseUrl, async (client) => {
      await client.query(
        `INSERT INTO holdfast.memories (tenant_id, id, labels, position, create_time, revision, update_time,
           type, agent_id, content, tags, embedding_model)
         SELECT $1, gen_random_uuid(), '{}', n, now(), 1, now(), 'SEMANTIC', 'a', 'the straw ' || n % 5000, '[]', ''
         FROM generate_series(1, 20000) AS n`,
        [tenant.id],
      );
      await client.query("ANALYZE holdfast.memories");
      await client.query(
        `BEGIN; SET LOCAL ROLE holdfast_runtime; SET LOCAL holdfast.tenant = '${tenant.id}'`,
      );
      const scans = async (relation: string) => {
        const text = "SELECT pg_stat_get_xact_numscans($1::regclass) AS scans";
        return (await client.query<{ scans: bigint }>(text, [`holdfast.${relation}`])).rows[0]?.scans;
      };
      for (const [words, hits] of [
        ["platinum", 1],
        ["the straw 77", 4],
        ["the", 200],
        ["platinun", 1],
      ] as const) {
        const text =
          "SELECT id FROM holdfast.search_memory_texts($1, 200, null, null, null, null, null, null, null, null)";
        expect((await client.query(text, [words])).rows.length, words).toBeGreaterThanOrEqual(hits);
      }
      expect(await scans("memories_search_terms")).toBeGreaterThan(0n);
      expect(await scans("memories")).toBe(0n);
      const {
        name: _,
        text,
        values,
      } = workingMemories(memoryCodec, tenant.id, { sessionIds: [], agentIds: ["a"] }, 1e7);
      expect((await client.query(text, [...values])).rows).toHaveLength(1);
      expect(await scans("memories_working")).toBeGreaterThan(0n);
      expect(await scans("memories")).toBe(0n);
      await client.query("ROLLBACK");
    });
  });
});

describe("search by embedding", () => {
  test("finds what brute force finds, in its order", async () => {
    const tenant = newTenant(servers.app());
    const vector = () => Array.from({ length: 32 }, () => Math.fround(Math.random() * 2 - 1));
    const stored = Array.from({ length: 200 }, (_, n) => ({
      content: `${n}`,
      embedding: vector(),
      embeddingModel: "m",
    }));
    await remember(tenant, ...stored);
    await remember(
      tenant,
      { content: "other model", embedding: vector(), embeddingModel: "n" },
      { content: "other length", embedding: vector().slice(1), embeddingModel: "m" },
      { content: "zero", embedding: vector().fill(0), embeddingModel: "m" },
    );
    const wanted = vector();
    const cosine = (v: readonly number[]) => {
      const dot = (a: readonly number[], b: readonly number[]) =>
        a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
      return dot(v, wanted) / Math.sqrt(dot(v, v) * dot(wanted, wanted));
    };
    const weights = { importance: 0, recency: 0, success: 0 };
    const answer = await search(tenant, { embedding: wanted, embeddingModel: "m", limit: 100, weights });
    const expected = stored.toSorted((a, b) => cosine(b.embedding) - cosine(a.embedding)).slice(0, 100);
    expect(found(answer)).toEqual(expected.map(({ content }) => content));
    const installed = "SELECT 1 FROM pg_extension WHERE extname = 'vector'";
    const [pgvector] = await query(servers.databaseUrl, installed);
    const vectorScan = pgvector ? VectorScan.PGVECTOR : VectorScan.EXACT;
    expect(answer).toMatchObject({ methods: [VECTOR], vectorScan });
    expect(answer.hits[0]?.memory?.embedding).toEqual([]);
    const full = await search(tenant, {
      embedding: wanted,
      embeddingModel: "m",
      limit: 1,
      includeEmbeddings: true,
    });
    expect(full.hits[0]?.memory?.embedding).toEqual(expected[0]?.embedding);
  });

  test("compares every page of long embeddings, as they are now", async () => {
    const tenant = newTenant(servers.app());
    const along = (n: number) =>
      Array.from({ length: 4096 }, (_, i) => (i === 0 ? 1 : i === n ? n / 100 : 0));
    const init = (n: number) => ({ content: `${n}`, embedding: along(n), embeddingModel: "m" });
    const stored = await remember(tenant, ...Array.from({ length: 150 }, (_, n) => init(n + 1)));
    const weights = { importance: 0, recency: 0, success: 0 };
    const nearest = async (limit: number) =>
      found(await search(tenant, { embedding: along(1), embeddingModel: "m", limit, weights }));
    const expected = Array.from({ length: 100 }, (_, n) => `${n + 1}`);
    expect(await nearest(100)).toEqual(expected);
    const update = (index: number, memory: MemoryInit) =>
      tenant.rpc.unary(MemoryService.method.updateMemory, {
        memory: { id: present(stored[index]).id, ...memory },
        updateMask: { paths: ["embedding", "embedding_model"] },
      });
    await update(149, { embedding: along(1).fill(2, 0, 1), embeddingModel: "m" });
    await update(0, { embedding: [], embeddingModel: "" });
    await update(2, { embedding: along(3), embeddingModel: "n" });
    await update(3, { embedding: [1, 2], embeddingModel: "m" });
    expect((await nearest(4)).toSorted()).toEqual(["150", "2", "5", "6"]);
  });

  test("puts what text and embedding both find before what one finds", async () => {
    const tenant = newTenant(servers.app());
    const of = (content: string, embedding: number[]) => ({ content, embedding, embeddingModel: "m" });
    await remember(tenant, of("red apple", [1, 0]), of("red brick", [0, 1]), of("green pear", [0.9, 0.1]));
    const answer = await search(tenant, { text: "apple", embedding: [1, 0], embeddingModel: "m" });
    expect(found(answer)[0]).toBe("red apple");
    expect(answer.hits[0]?.methods).toEqual([FULL_TEXT, VECTOR]);
  });
});

test("a search that finds more bytes than an answer holds is rejected, with a lower limit it is answered", async () => {
  const tenant = newTenant(servers.app());
  const content = `kelp ${"x".repeat(900_000)}`;
  for (let i = 0; i < 12; i += 1) await remember(tenant, { content });
  expect(await refusal(search(tenant, { text: "kelp", limit: 50 }))).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    reason: "LIMIT_EXCEEDED",
    metadata: { limit: String(4 * 1024 * 1024) },
  });
  expect((await search(tenant, { text: "kelp", limit: 3 })).hits).toHaveLength(3);
});
