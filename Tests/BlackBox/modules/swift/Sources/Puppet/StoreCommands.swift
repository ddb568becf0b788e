import MatrixCore
import ModuleAPI

extension Puppet {
    func runDatabase(_ call: String, _ command: JSONObject) async throws -> JSON? {
        let sql = command["sql"]?.stringArrayValue ?? []
        let values = (command.array("values") ?? []).map(Self.sqlValue)
        switch call {
        case "database.engine": return .string(context.database.engine.rawValue)
        case "database.migrate":
            let migrations = sql.enumerated().map { ModuleMigration("\($0.offset)", $0.element) }
            try await context.database.migrate("puppet", migrations)
            return .null
        case "database.write":
            let words = command.string("throw")
            return .integer(
                try await context.database.write { transaction in
                    let changed = try sql.reduce(0) { try $0 + transaction.execute($1, values) }
                    if let words { throw Failure(words) }
                    return Int64(changed)
                })
        case "database.read":
            return .array(
                try await context.database.read { transaction in
                    try sql.flatMap { try transaction.rows($0, values) }.map { .array($0.values.map(Self.json)) }
                })
        default: return nil
        }
    }

    private static func sqlValue(_ value: JSON) -> ModuleSQLValue {
        switch value {
        case .integer(let value): .integer(value)
        case .string(let value): .text(value)
        case .double(let value): .real(value)
        case .bool(let value): .integer(value ? 1 : 0)
        default: .null
        }
    }

    private static func json(_ value: ModuleSQLValue) -> JSON {
        switch value {
        case .null: .null
        case .integer(let value): .integer(value)
        case .real(let value): .double(value)
        case .text(let value): .string(value)
        case .blob(let value): ["bytes": .string(String(decoding: value, as: UTF8.self))]
        }
    }

    func runHTTP(_ call: String, _ command: JSONObject) async throws -> JSON? {
        let url = try command.need("url")
        let token = command.string("bearer")
        let headers: HTTPHeaders = token.map { ["Authorization": "Bearer \($0)"] } ?? [:]
        do {
            switch call {
            case "http.get_json": return .object(try await context.http.getJSON(url, headers: headers))
            case "http.post_json":
                return .object(try await context.http.postJSON(url, command.object("body") ?? [:], headers: headers))
            case "http.send":
                let response = try await context.http.send(
                    HTTPRequest(method: command.string("method") ?? "GET", url: url, headers: headers))
                return ["status": .integer(Int64(response.status)), "bytes": .integer(Int64(response.body.count))]
            default: return nil
            }
        } catch let error as HTTPStatusError {
            return ["status": .integer(Int64(error.status)), "errcode": .text(error.matrixError?.code.string)]
        }
    }
}
