// Calls each method of @memobase/memobase at a server: node each_method.cjs ADDRESS TOKEN, with NODE_PATH set.
"use strict";

const assert = require("node:assert/strict");
const { MemoBaseClient, User } = require("@memobase/memobase");

const [address, token] = process.argv.slice(2);
const called = new Set();

/** The same object; which of its methods are called is kept. */
function noted(target) {
  return new Proxy(target, {
    get(object, name) {
      const found = Reflect.get(object, name);
      if (typeof found !== "function") return found;
      return (...given) => {
        called.add(`${object.constructor.name}.${name}`);
        return found.apply(object, given);
      };
    },
  });
}

const told = [
  { role: "user", content: "I adopted a guinea pig named Oscar and I play the cello.", alias: "Mara" },
  { role: "assistant", content: "How lovely! Oscar is a good name." },
  { role: "user", content: "I work as a nurse in Porto & love C++ (100% + more)." },
];

async function project(client) {
  assert.equal(await client.ping(), true);
  const before = await client.getConfig();
  const text = "# ours\nprofile_strict_mode: false\n";
  assert.equal(await client.updateConfig(text), true);
  assert.equal(await client.getConfig(), text);
  assert.equal(await client.updateConfig("llm_api_key: sk-other\n"), false);
  assert.equal(await client.updateConfig(before), true);

  const id = await client.addUser({ plan: "free" });
  assert.equal(await client.updateUser(id, { plan: "paid" }), id);
  assert.deepEqual((await client.getUser(id)).fields.data, { plan: "paid" });
  const own = "3fa85f64-5717-4562-b3fc-2c963f66afa7";
  assert.equal((await client.getOrCreateUser(own)).userId, own);
  assert.equal((await client.getOrCreateUser(own)).userId, own);
  const page = await client.getUsers(own);
  assert.equal(page.count, 1);
  assert.equal(page.users[0].id, own);
  assert.equal(await client.deleteUser(own), true);
  await assert.rejects(client.getUser(own));
  const days = await client.getUsage(3);
  assert.equal(days.length, 3);
  return id;
}

async function blobs(user) {
  const id = await user.insert({ type: "doc", content: "Mara keeps bees.", fields: { app: "test" } });
  const found = await user.get(id);
  assert.equal(found.blob_data.content, "Mara keeps bees.");
  assert.deepEqual(await user.getAll("doc"), [id]);
  assert.equal(await user.delete(id), true);
  assert.deepEqual(await user.getAll("doc", 0, 5), []);
  for (const blob of [
    { type: "code", content: "print(1)", language: "python" },
    { type: "transcript", transcripts: [{ content: "I keep bees.", start_timestamp_in_seconds: 1.5 }] },
    { type: "image", url: "http://localhost/bee.png" },
  ]) {
    assert.equal(await user.delete(await user.insert(blob)), true);
  }
  await user.insert({ type: "chat", messages: told });
  assert.equal(await user.flush("chat", true), true);
}

async function profile(user) {
  const found = await user.profile();
  assert.ok(found.some((one) => one.content.includes("Oscar")));
  assert.ok(found.every((one) => one.created_at > 0 && one.topic && one.sub_topic));
  const topics = [...new Set(found.map((one) => one.topic))];
  const last = topics.at(-1);
  assert.equal((await user.profile(1000, [last]))[0].topic, last);
  assert.ok((await user.profile(1000, [], [last])).every((one) => one.topic === last));
  assert.equal((await user.profile(1000, [], [], 1)).length, topics.length);
  assert.ok((await user.profile(1000, [], [], undefined, { [last]: 0 })).every((one) => one.topic !== last));
  assert.deepEqual(await user.profile(1), []);

  const id = await user.addProfile("Plays chess", "hobbies", "games");
  assert.equal(await user.updateProfile(id, "Plays go", "hobbies", "games"), true);
  const new_ = (await user.profile(1000, [], ["hobbies"]))[0];
  assert.equal(new_.content, "Plays go");
  assert.equal(await user.deleteProfile(new_.id), true);
  assert.deepEqual(await user.profile(1000, [], ["hobbies"]), []);
}

async function events(user) {
  const event = (await user.event(20, 1000)).at(-1);
  assert.ok(event.event_data.event_tip);
  assert.deepEqual(await user.event(5, 1), []);
  assert.equal(await user.updateEvent(event.id, { event_tip: "Mara told of Oscar." }), true);
  const changed = (await user.event()).find((one) => one.id === event.id);
  assert.equal(changed.event_data.event_tip, "Mara told of Oscar.");
  assert.ok((await user.searchEvent("guinea pig & 100% +", 5, 0.05)).length);
  const gists = await user.searchEventGist("guinea pig", 3, 0.05);
  assert.ok(gists.some((one) => one.gist_data.content.includes("Oscar")));
}

async function context(user) {
  const chats = [{ role: "user", content: "What is my guinea pig called? (100% & +)" }];
  const text = await user.context(
    500, 5, ["interest"], undefined, { interest: 3 }, 0.5, true, chats, 0.05, undefined, true, true);
  assert.ok(text.includes("Oscar"));
  const own = "Known & 100%+ sure:\n{profile_section}\nEvents:\n{event_section}";
  const all = [1000, undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined];
  assert.ok((await user.context(...all, own)).startsWith("Known & 100%+ sure:\n"));
}

async function main() {
  const client = noted(new MemoBaseClient(address, token));
  const id = await project(client);
  const user = noted(await client.getUser(id));
  await blobs(user);
  await profile(user);
  await events(user);
  await context(user);
  for (const event of await user.event(100)) assert.equal(await user.deleteEvent(event.id), true);
  assert.deepEqual(await user.event(), []);
  const all = [MemoBaseClient, User].flatMap((kind) =>
    Object.getOwnPropertyNames(kind.prototype).map((name) => `${kind.name}.${name}`));
  const left = all.filter((name) => !called.has(name) && !/constructor$|[.]fetch$/.test(name));
  assert.deepEqual(left, []);
  console.log(`${called.size} methods`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
