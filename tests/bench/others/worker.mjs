// The official Node SDK as a worker: see ../src/worker.rs. Argument: the server's URL.

import { readFileSync } from "node:fs"
import http from "node:http"
import https from "node:https"
import { createRequire } from "node:module"
import { join } from "node:path"
import { createInterface } from "node:readline"

const require = createRequire(join(process.env.BENCH_NODE_MODULES, "worker.mjs"))
const { vod } = require("tencentcloud-sdk-nodejs-vod")
const Sign = require("tencentcloud-sdk-nodejs-common/tencentcloud/common/sign.js").default

const TOGETHER = 64
const { protocol, host } = new URL(process.argv[2])
const secretId = "AKIDEXAMPLE0000000000000000000000000"
const secretKey = "a-key-that-opens-nothing00000000"
const body = readFileSync(new URL("../material/create.json", import.meta.url))
const { Agent } = protocol === "https:" ? https : http
const client = new vod.v20180717.Client({
  credential: { secretId, secretKey },
  region: "ap-guangzhou",
  profile: { httpProfile: { endpoint: host, protocol: `${protocol}//`, agent: new Agent({ keepAlive: true }) } },
})

const sign = () =>
  Sign.sign3({
    url: "https://vod.ap-guangzhou.tencentcloudapi.com/",
    payload: body,
    timestamp: 1763884800,
    service: "vod",
    secretId,
    secretKey,
    headers: { "Content-Type": "application/json" },
  })
const call = () => client.DescribeTaskDetail({ TaskId: "1500044236-AigcVideoTask-finished000c", SubAppId: 1500044236 })
const calls = () => Promise.all(Array.from({ length: TOGETHER }, call))

const works = { sign, call, calls }
for await (const line of createInterface({ input: process.stdin })) {
  const [name, count] = line.split(" ")
  const work = works[name]
  const before = process.hrtime.bigint()
  for (let left = Number(count); left > 0; left--) {
    const pending = work()
    // Signing returns a text, and waiting for it would cost a turn of the event loop.
    if (pending instanceof Promise) await pending
  }
  console.log(String(process.hrtime.bigint() - before))
}
