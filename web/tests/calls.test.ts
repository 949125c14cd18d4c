// Which token a request has: a new one once for all that were refused, and none asked for in vain.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Api, type Credential } from "../src/api/calls";

let server: Server;
let base = "";
let good = "";
let seen: string[] = [];

beforeEach(async () => {
  seen = [];
  server = createServer((request, response) => {
    const token = (request.headers.authorization ?? "").replace("Bearer ", "");
    seen.push(token);
    response.writeHead(token === good ? 200 : 401, { "Content-Type": "application/json" }).end("{}");
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => void server.close());

function caller(token: string | null, renew?: () => Promise<string | null>) {
  const told: string[] = [];
  const credential: Credential = { token, csrf: null, ended: () => told.push("ended"), ...(renew ? { renew } : {}) };
  const api = new Api(base, credential);
  return { told, credential, status: async () => (await api.client.GET("/v1/domains")).response.status };
}

test("a token that has run out is replaced once for all requests", async () => {
  let renewed = 0;
  good = "second";
  const { status, told } = caller("first", async () => {
    renewed += 1;
    await new Promise((done) => setTimeout(done, 20));
    return "second";
  });
  expect(await Promise.all([status(), status(), status()])).toEqual([200, 200, 200]);
  expect(renewed).toBe(1);
  expect(told).toEqual([]);
  expect(await status()).toBe(200);
  expect(seen.filter((one) => one === "first")).toHaveLength(3);
});

test("without a token one is got before the first request", async () => {
  good = "only";
  const { status } = caller(null, () => Promise.resolve("only"));
  expect(await status()).toBe(200);
  expect(seen).toEqual(["only"]);
});

test("a host that gives no other token is told that this one has ended", async () => {
  good = "nobody has it";
  for (const renew of [undefined, () => Promise.resolve(null), () => Promise.reject(new Error("away"))]) {
    const { status, told } = caller("first", renew);
    expect(await status()).toBe(401);
    expect(told).toEqual(["ended"]);
  }
});
