import MatrixCore
import ModuleAPI

extension Puppet {
    /// Runs the command in the body; tells the result, or the error as a module sees it.
    func respond(to request: WebRequest) async throws -> WebResponse {
        guard request.method == "POST" else { return .methodNotAllowed(["POST"]) }
        var command = try await request.json()
        command["token"] = command["token"] ?? .text(request.accessToken)
        do {
            return .json(["result": try await run(command)])
        } catch {
            var told: JSONObject = [
                "exception": .string(String(describing: type(of: error))), "message": .string("\(error)"),
            ]
            if let error = error as? MatrixError {
                told["code"] = .integer(Int64(error.status))
                told["errcode"] = .string(error.code.string)
                told["message"] = .string(error.message)
            }
            return .json(told)
        }
    }

    /// Tells what the request was; throws, or answers bit by bit, if its query says so.
    func show(_ request: WebRequest) async throws -> WebResponse {
        if request.query("fail") != nil {
            throw MatrixError(status: 418, code: "M_TEAPOT", message: "short and stout", fields: ["spout": true])
        }
        if request.query("crash") != nil { throw Failure("crash") }
        if let page = request.query("page") { return .html(page) }
        if let count = request.query("pieces").flatMap({ Int($0) }) {
            return WebResponse(
                body: .stream { writer in
                    do {
                        for _ in 0..<count { try await writer.write([UInt8](repeating: 0x78, count: 65_536)) }
                    } catch {
                        try self.strings.note("hung up", [])
                        throw error
                    }
                })
        }
        let body = try await request.body.collect(upTo: 10_000_000)
        return .json([
            "puppet": .string(configuration.name), "method": .string(request.method), "uri": .string(request.uri),
            "path": .string(request.path), "a": .array(request.queryValues("a").map { .string($0) }),
            "ip": .string(request.clientAddress), "agent": .text(request.headers["User-Agent"]),
            "bytes": .integer(Int64(body.count)),
        ])
    }

    /// Runs a command: `call` names it, by the facet of `ModuleContext` and what it does.
    func run(_ command: JSONObject) async throws -> JSON {
        let call = try command.need("call")
        let parts = call.split(separator: ".", maxSplits: 1).map { String($0) }
        let result: JSON? =
            switch parts.first {
            case "users": try await runUsers(call, command)
            case "rooms": try await runRooms(call, command)
            case "public_rooms", "account_data": try await runLists(call, command)
            case "database": try await runDatabase(call, command)
            case "http": try await runHTTP(call, command)
            default: try await runOther(call, command)
            }
        guard let result else { throw Failure("there is no command '\(call)'") }
        return result
    }

    private func runOther(_ call: String, _ command: JSONObject) async throws -> JSON? {
        switch call {
        case "server":
            return [
                "server_name": .id(context.serverName), "public_baseurl": .string(context.publicBaseURL),
                "app_name": .string(context.emailAppName),
            ]
        case "qualified": return .id(context.qualifiedUserID(try command.need("user")))
        case "is_mine": return .bool(context.isMine(try command.user()))
        case "log":
            let text = try command.need("text")
            context.log.warning(text)
            return .null
        case "sleep":
            try await Task.sleep(for: .milliseconds(command.integer("ms") ?? 0))
            return .null
        case "register":
            try register(try command.need("family"), Set(command["names"]?.stringArrayValue ?? []))
            return .null
        case "register_resource":
            try context.register(WebResource(try command.need("path")) { try await self.show($0) })
            return .null
        case "cache.get": return .integer(try await cache[try command.need("key")])
        case "cache.invalidate":
            cache.invalidate(try command.need("key"))
            return .null
        case "cache.prefill":
            cache.prefill(try command.need("key"), command.integer("value") ?? 0)
            return .null
        case "count": return .integer(memory.withLock { $0.counts[command.string("name") ?? ""] ?? 0 })
        case "background.loop", "background.call", "background.run": return try runBackground(call, command)
        case "background.cancel":
            let name = try command.need("name")
            memory.withLock { $0.calls.removeValue(forKey: name) }?.cancel()
            return .null
        default: return nil
        }
    }

    /// Work that counts how often it is done, and fails the first time if `fails`.
    private func runBackground(_ call: String, _ command: JSONObject) throws -> JSON {
        let name = try command.need("name")
        let fails = command.bool("fails") ?? false
        let time = Duration.milliseconds(command.integer("ms") ?? 0)
        let work: @Sendable () async throws -> Void = {
            let count = self.memory.withLock { memory in
                memory.counts[name, default: 0] += 1
                return memory.counts[name]
            }
            if fails, count == 1 { throw Failure("the first time") }
        }
        let made =
            switch call {
            case "background.loop": context.background.loop(every: time, named: name, work)
            case "background.call": context.background.call(after: time, named: name, work)
            default: context.background.run(named: name, work)
            }
        memory.withLock { $0.calls[name] = made }
        return .null
    }
}
