"""The official examples of requests and replies, through the types of their actions.

Usage: official_examples.py PATH_OF_THE_PROGRAM_TYPED WHEEL_OF_TCCLI. Run it through official-examples.sh, which fetches the
wheel first.
"""

import json
import subprocess
import sys
import zipfile

FOLDER = "tccli/services/vod/v20180717"

# What is wrong in the examples of requests: action, member, what stands there, what is meant, why.
MISTAKES = [
    ("CreateAigcImageTask", "TasksPriority", "10", 10, "the description has it as a number"),
    ("CreateAigcVideoTask", "TasksPriority", "10", 10, "the description has it as a number"),
]

# What does not come through the types and need not: action, finding, why.
LEFT_OUT = [
    ("DescribeTaskDetail", "EditMediaTask: lost", "a task that is no AIGC task"),
    ("DescribeTaskDetail", "ProcedureTask: lost", "a task that is no AIGC task"),
    ("DescribeTaskDetail", "TranscodeTask: lost", "a task that is no AIGC task"),
    ("DescribeTaskDetail", "WechatMiniProgramPublishTask: lost", "a task that is no AIGC task"),
    ("PullEvents", "EventSet[0].ProcedureStateChangeEvent: lost", "an event of no AIGC task"),
]


class Typed:
    """The program, asked line by line."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def request_of(action, text, objects):
    """The members of a request, whose example is a POST of JSON or a GET with a query."""
    if "{" in text:
        return json.loads(text[text.index("{"):])
    types = {member["name"]: member["type"] for member in objects[f"{action}Request"]["members"]}
    members = {}
    for line in text.splitlines()[1:-1]:
        name, value = line.removeprefix("&").split("=", 1)
        name, _, index = name.partition(".")
        if index:
            members.setdefault(name, []).append(value)
        else:
            members[name] = int(value) if types[name] == "int" else value
    return members


def without_null(value):
    """A null is a member that was left out."""
    if isinstance(value, dict):
        return {name: without_null(member) for name, member in value.items() if member is not None}
    return [without_null(item) for item in value] if isinstance(value, list) else value


def differences(before, after, path=""):
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before | after:
            below = f"{path}.{name}" if path else name
            if name not in after:
                yield f"{below}: lost"
            elif name not in before:
                yield f"{below}: added"
            else:
                yield from differences(before[name], after[name], below)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after)):
            yield from differences(*pair, f"{path}[{index}]")
    elif before != after:
        yield f"{path}: {json.dumps(before)} became {json.dumps(after)}"


def findings(typed, action, side, body):
    answer = typed.ask(action=action, **{side: body})
    if "error" in answer:
        return [answer["error"]]
    return answer["faults"] + list(differences(without_null(body), answer["again"]))


def main():
    with zipfile.ZipFile(sys.argv[2]) as wheel:
        examples = json.loads(wheel.read(f"{FOLDER}/examples.json"))["actions"]
        objects = json.loads(wheel.read(f"{FOLDER}/api.json"))["objects"]
    typed = Typed(sys.argv[1])
    actions = typed.ask()["actions"]
    unmet, failures, bodies = set(MISTAKES + LEFT_OUT), [], 0
    for action in actions:
        if not examples.get(action):
            failures.append(f"{action} has no example")
        for example in examples.get(action, []):
            request = request_of(action, example["input"], objects)
            for mistake in MISTAKES:
                if mistake[0] == action and request.get(mistake[1]) == mistake[2]:
                    request[mistake[1]] = mistake[3]
                    unmet.discard(mistake)
            reply = json.loads(example["output"])["Response"]
            del reply["RequestId"]
            for side, body in [("request", request), ("reply", reply)]:
                bodies += 1
                for finding in findings(typed, action, side, body):
                    known = {it for it in LEFT_OUT if it[:2] == (action, finding)}
                    unmet -= known
                    if not known:
                        failures.append(f"{action}, {side}: {finding}")
    failures += [f"named here and not found any more: {entry}" for entry in sorted(unmet, key=repr)]
    if failures:
        sys.exit("\n".join(failures))
    print(f"{bodies} official examples of {len(actions)} actions pass through the types")


main()
