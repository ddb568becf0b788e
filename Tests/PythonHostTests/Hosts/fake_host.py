"""A host for tests: does what the configuration of its modules says, with nothing but the standard library.

It is also the smallest example of a host: docs/modules/host-protocol.md. A module's configuration is
``{"callbacks": [name, ...], "do": {name: action}, "extra": {name: extra}}``; the actions are in ``run``.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import time

CALL, REPLY, FAILURE, CANCEL, DATA, END, CREDIT, ABORT = range(1, 9)
HOST_BIT = 1 << 31


class Host:
    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(fileno=descriptor)
        self.buffer = b""
        self.modules: dict = {}
        self.callbacks: dict = {}
        self.rooms: dict = {}
        self.last_id = 0
        self.last_call = 0
        self.waiting: dict = {}
        self.cancelled: list = []
        self.bodies: dict = {}
        self.answers: dict = {}
        self.credit: dict = {}
        self.rss = 1 << 20

    # Frames

    def send(self, kind: int, call: int, body: bytes = b"") -> None:
        self.socket.sendall(struct.pack(">IBI", len(body) + 5, kind, call) + body)

    def send_json(self, kind: int, call: int, value: object, attachment: bytes = b"") -> None:
        text = json.dumps(value, separators=(",", ":")).encode()
        self.send(kind, call, struct.pack(">I", len(text)) + text + attachment)

    def note(self, method: str, params: dict) -> None:
        self.send_json(CALL, 0, {"method": method, "params": params})

    def ask(self, method: str, params: dict, then) -> None:
        """Calls the server; ``then`` gets the kind of the answer and its JSON."""
        self.last_call += 1
        number = self.last_call | HOST_BIT
        self.waiting[number] = then
        self.send_json(CALL, number, {"method": method, "params": params})

    def read(self) -> None:
        while True:
            while len(self.buffer) >= 4:
                (length,) = struct.unpack_from(">I", self.buffer)
                if len(self.buffer) < 4 + length:
                    break
                kind, call = struct.unpack_from(">BI", self.buffer, 4)
                body = self.buffer[9 : 4 + length]
                self.buffer = self.buffer[4 + length :]
                self.receive(kind, call, body)
            piece = self.socket.recv(1 << 16)
            if not piece:
                return
            self.buffer += piece

    def receive(self, kind: int, call: int, body: bytes) -> None:
        if kind in (CALL, REPLY, FAILURE):
            (length,) = struct.unpack_from(">I", body)
            value, attachment = json.loads(body[4 : 4 + length]), body[4 + length :]
        if kind == CALL:
            self.handle(call, value["method"], value["params"], attachment)
        elif kind in (REPLY, FAILURE):
            if kind == REPLY and isinstance(value, dict) and "changes" in value:
                value = {"size": len(self.resolve(value, attachment))}
            self.waiting.pop(call)(kind, value)
        elif kind == CANCEL:
            self.cancelled.append(call)
            self.bodies.pop(call, None)
            self.answers.pop(call, None)
        elif kind == CREDIT and call in self.answers:
            self.credit[call] += struct.unpack(">I", body)[0]
            self.stream(call)
        elif kind == DATA and call in self.bodies:
            self.bodies[call].append(body)
            self.send(CREDIT, call, struct.pack(">I", len(body)))
        elif kind == END and call in self.bodies:
            self.web(call, b"".join(self.bodies.pop(call)))

    # Methods

    def handle(self, call: int, method: str, params: dict, attachment: bytes) -> None:
        if method == "configure":
            self.send_json(REPLY, call, {"results": [self.configure(module) for module in params["modules"]]})
        elif method == "construct":
            self.construct(call, params["item"])
        elif method == "ping":
            self.send_json(REPLY, call, {"rss": self.rss, "pending": 0})
        elif method == "callback":
            state = self.resolve(params["state"], attachment) if "state" in params else None
            item, name = self.callbacks[params["id"]]
            action = self.modules[item].get("do", {}).get(name, {"answer": None})
            self.run(call, action, params["args"], state)
        elif method == "web":
            self.bodies[call] = []
            self.requests = params["request"]
        elif method == "forget_state":
            del self.rooms[params["room"]]
        elif method == "started" and any("started" in module for module in self.modules.values()):
            self.run(call, next(m["started"] for m in self.modules.values() if "started" in m), [], None)
        elif method == "stop":
            sys.exit(0)
        else:
            self.send_json(REPLY, call, {})

    def configure(self, module: dict) -> dict:
        if module["module"] == "missing.Module":
            error = {"kind": "import", "message": "No module named 'missing'", "traceback": "", "missing": "missing"}
            return {"item": module["item"], "error": error}
        if module["module"] == "wrong.Module":
            path = module["path"] + ["config", "colour"]
            error = {"kind": "config", "path": path, "message": "Failed to parse", "causes": ["no such colour"]}
            return {"item": module["item"], "error": error}
        self.modules[module["item"]] = module["config"] or {}
        return {"item": module["item"], "ok": True}

    def construct(self, call: int, item: int) -> None:
        module = self.modules[item]
        if "construct" in module:
            self.run(call, module["construct"], [], None)
            return
        for name in module.get("callbacks", []):
            self.last_id += 1
            self.callbacks[self.last_id] = (item, name)
            extra = module.get("extra", {}).get(name, {})
            note = {"item": item, "callback": name, "id": self.last_id, "module": "fake.Module", "extra": extra}
            self.note("register", note)
        for path in module.get("web", []):
            self.last_id += 1
            note = {"item": item, "path": path, "id": self.last_id, "is_leaf": True}
            self.note("register_web_resource", note)
        self.rss = module.get("rss", self.rss)
        self.send_json(REPLY, call, {"repr": "<fake %d>" % item})

    def resolve(self, state: dict, attachment: bytes) -> dict:
        entries = {}
        if state.get("room") is not None:
            if state["base"] is not None:
                root, entries = self.rooms[state["room"]]
                assert root == state["base"], "the mirror is out of step"
            self.rooms[state["room"]] = (state["root"], entries)
        offset = 0
        for _ in range(state["changes"]):
            texts = []
            for _ in range(4):
                (length,) = struct.unpack_from(">H", attachment, offset)
                texts.append(attachment[offset + 2 : offset + 2 + length].decode())
                offset += 2 + length
            (length,) = struct.unpack_from(">I", attachment, offset)
            pdu = attachment[offset + 4 : offset + 4 + length]
            offset += 4 + length
            if pdu:
                entries[texts[0], texts[1]] = (texts[2], json.loads(pdu))
            else:
                del entries[texts[0], texts[1]]
        assert offset == len(attachment)
        return entries

    def run(self, call: int, action: dict, args: list, state) -> None:
        while "once" in action:
            if not os.path.exists(action["once"]):
                open(action["once"], "w").close()
                break
            action = action["else"]
        if "record" in action:
            with open(action["record"], "a") as file:
                file.write(str(args[0]["event_id"] if isinstance(args[0], dict) else args[0]) + "\n")
        if "exit" in action:
            os._exit(action["exit"])
        elif "hang" in action:
            pass
        elif "block" in action:
            time.sleep(3600)
        elif "garbage" in action:
            self.socket.sendall(b"\x00\x00\x00\x09garbage!!garbage")
        elif "huge" in action:
            self.socket.sendall(struct.pack(">IBI", action["huge"], CALL, HOST_BIT | 1) + b"x" * 1000)
        elif "unreadable" in action:
            self.send(REPLY, call, struct.pack(">I", 8) + b'"\\ud800"')
        elif "fail" in action:
            self.send_json(FAILURE, call, action["fail"])
        elif "state_size" in action:
            self.send_json(REPLY, call, [True, {"size": len(state), "keys": sorted(key for _, key in state)}])
        elif "arguments" in action:
            self.send_json(REPLY, call, {"args": args})
        elif "cancelled" in action:
            self.send_json(REPLY, call, {"cancelled": len(self.cancelled)})
        elif "call" in action:
            method, params = action["call"]
            self.ask(method, params, lambda kind, value: self.send_json(REPLY, call, {"kind": kind, "value": value}))
        elif "flood" in action:
            self.flood(call, action["flood"])
        elif "log" in action:
            self.note("log", {"logger": "fake.logger", "level": "WARNING", "message": action["log"]})
            self.send_json(REPLY, call, {})
        else:
            self.send_json(REPLY, call, action.get("answer"))

    def flood(self, call: int, count: int) -> None:
        kinds: list = []

        def answered(kind: int, value: object) -> None:
            kinds.append(kind)
            if len(kinds) == count:
                self.send_json(REPLY, call, {"ok": kinds.count(REPLY), "failed": kinds.count(FAILURE)})

        for _ in range(count):
            self.ask("is_user_admin", {"user_id": "@a:b.example"}, answered)

    def web(self, call: int, body: bytes) -> None:
        request = self.requests
        answer = {"status": 201, "reason": "Made", "headers": [["X-Uri", request["uri"]], ["X-Twice", "1"]]}
        self.send_json(REPLY, call, answer)
        # As much as the server takes; the rest as it gives credit.
        self.credit[call] = 262144
        self.answers[call] = body * 3
        self.stream(call)

    def stream(self, call: int) -> None:
        while self.answers[call] and self.credit[call]:
            piece = self.answers[call][: min(self.credit[call], 65536)]
            self.answers[call] = self.answers[call][len(piece) :]
            self.credit[call] -= len(piece)
            self.send(DATA, call, piece)
        if not self.answers[call]:
            del self.answers[call]
            self.send(END, call)


if __name__ == "__main__":
    print("fake host starts", flush=True)
    Host(int(sys.argv[sys.argv.index("--fd") + 1])).read()
