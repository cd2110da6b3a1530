// The official Node SDK as a worker: see ../src/worker.rs. Arguments: the server's address, the folder of node_modules.

import { readFileSync } from "node:fs"
import http from "node:http"
import { createRequire } from "node:module"
import { join } from "node:path"
import { createInterface } from "node:readline"

const [address, modules] = process.argv.slice(2)
const require = createRequire(join(modules, "worker.mjs"))
const { vod } = require("tencentcloud-sdk-nodejs-vod")
const Sign = require("tencentcloud-sdk-nodejs-common/tencentcloud/common/sign.js").default
const text = (name) => readFileSync(new URL(`../material/${name}.json`, import.meta.url), "utf8")

const NAME = "Node, official SDK"
const secretId = "AKIDEXAMPLE0000000000000000000000000"
const secretKey = "a-key-that-opens-nothing00000000"
const create = JSON.parse(text("create"))
const body = Buffer.from(text("create"))
const finished = text("finished")
const JSONbig = require("json-bigint")({ useNativeBigInt: true })

const client = new vod.v20180717.Client({
  credential: { secretId, secretKey },
  region: "ap-guangzhou",
  profile: { httpProfile: { endpoint: address, protocol: "http://", agent: new http.Agent({ keepAlive: true }) } },
})

const calls = (together) => async (count) => {
  let left = count
  const one = async () => {
    while (left-- > 0) {
      const request = { TaskId: "1500044236-AigcVideoTask-finished000c", SubAppId: 1500044236 }
      await client.DescribeTaskDetail(request)
    }
  }
  await Promise.all(Array.from({ length: together }, one))
}

const repeated = (once) => (count) => {
  for (let index = 0; index < count; index++) once()
}

const sign = repeated(() =>
  Sign.sign3({
    url: "https://vod.ap-guangzhou.tencentcloudapi.com/",
    payload: body,
    timestamp: 1763884800,
    service: "vod",
    secretId,
    secretKey,
    headers: { "Content-Type": "application/json" },
  }),
)

// The SDK has no models at run time: it writes with json-bigint and hands out what JSON.parse gives.
const ways = {
  "sign first": sign,
  "sign again": sign,
  encode: repeated(() => JSONbig.stringify(create)),
  "decode full": repeated(() => JSON.parse(finished)),
  "full call": calls(1),
  "full call, 64 in flight": calls(64),
}

for (const work of Object.keys(ways)) console.log(`${work}\t${NAME}`)
console.log("")
for await (const line of createInterface({ input: process.stdin })) {
  const [work, , count] = line.split("\t")
  const before = process.cpuUsage()
  await ways[work](Number(count))
  const { user, system } = process.cpuUsage(before)
  console.log(String((user + system) * 1000))
}
process.exit()
