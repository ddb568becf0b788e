import MatrixCore
import ModuleAPI

extension Puppet {
    /// Writes down a call, and does what `<folder>/<callback>.json` says; answers with that object.
    ///
    /// A list there holds several answers, each with a `when`: the values that one of the arguments' members may have, as in
    /// `{"when": {"argument": 0, "member": "type", "is": ["m.room.member"]}}`. The first that fits holds.
    ///
    /// | Key | What is done, in this order |
    /// |---|---|
    /// | `sleep_ms` | waits |
    /// | `block_ms` | waits, and keeps its thread from all else, as a module must not |
    /// | `do` | runs commands |
    /// | `throw` | throws: an object with `status`, `errcode`, `error`, `fields` as Matrix's error, a string as another |
    func answer(_ callback: String, _ arguments: [JSON]) async throws -> JSONObject {
        try strings.note(callback, arguments)
        guard let told = Self.fitting(try strings.script(callback), arguments) else { return [:] }
        if let pause = told.integer("sleep_ms") { try await Task.sleep(for: .milliseconds(pause)) }
        if let pause = told.integer("block_ms") { Strings.block(milliseconds: pause) }
        for command in told.array("do") ?? [] { _ = try await run(command.objectValue ?? [:]) }
        if let error = told.object("throw") { throw Self.matrixError(error) }
        if let words = told.string("throw") { throw Failure(words) }
        return told
    }

    private static func fitting(_ script: JSON?, _ arguments: [JSON]) -> JSONObject? {
        guard let script else { return nil }
        let answers = script.arrayValue ?? [script]
        return answers.lazy.compactMap(\.objectValue).first { answer in
            guard let when = answer.object("when") else { return true }
            let argument = arguments[Int(when.integer("argument") ?? 0)]
            let value = when.string("member").map { argument[$0] ?? .null } ?? argument
            return when.array("is")?.contains(value) == true
        }
    }

    static func matrixError(_ object: JSONObject) -> MatrixError {
        MatrixError(
            status: Int(object.integer("status") ?? 403), code: ErrorCode(object.string("errcode") ?? "M_FORBIDDEN"),
            message: object.string("error") ?? "", fields: object.object("fields") ?? [:])
    }

    // MARK: Answers of one kind

    /// Denies if the answer has `deny`, with its `errcode`, `error` and `fields`.
    func spam(_ callback: String, _ arguments: JSON...) async throws -> SpamAnswer {
        guard let deny = try await answer(callback, arguments)["deny"] else { return .allow }
        let words = deny.objectValue ?? [:]
        return .deny(
            code: words.string("errcode").map { ErrorCode($0) } ?? .forbidden, message: words.string("error"),
            fields: words.object("fields") ?? [:])
    }

    func rule(_ callback: String, _ arguments: JSON...) async throws -> RuleAnswer {
        try await answer(callback, arguments)["deny"] == nil ? .allow : .deny
    }

    func result(_ callback: String, _ arguments: JSON...) async throws -> JSON? {
        try await answer(callback, arguments)["result"]
    }

    func hear(_ callback: String, _ arguments: JSON...) async throws { _ = try await answer(callback, arguments) }
}
