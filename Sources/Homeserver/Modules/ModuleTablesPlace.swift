import Foundation
package import MatrixCore
package import SQLEngine
import Storage

/// Where modules have their tables, and how to get there.
package enum ModuleTablesPlace: Sendable {
    /// Files: the server's database, which its modules only read, and theirs.
    case sqlite(server: String, modules: String, synchronous: SQLiteOptions.Synchronous)
    /// The server's database, with its tables in a schema.
    case postgresql(PostgresParameters, tablesIn: String)

    /// The place that goes with the SQLite database at `path`: `modules.db` beside it.
    package static func beside(
        _ path: String, synchronous: SQLiteOptions.Synchronous = .full
    ) -> ModuleTablesPlace {
        let server = URL(fileURLWithPath: path)
        let modules = server.deletingLastPathComponent().appendingPathComponent("modules.db")
        return .sqlite(server: server.path, modules: modules.path, synchronous: synchronous)
    }

    /// The place that goes with a PostgreSQL database; makes what modules find there (schemas and views).
    package static func within(
        _ database: any Database, _ parameters: PostgresParameters
    ) async throws -> ModuleTablesPlace {
        try await CompatibilityViews.install(on: database)
        let schema = try await database.read { try CompatibilityViews.schemaOfTables($0) }
        return .postgresql(parameters, tablesIn: schema)
    }

    /// The schemas that modules' statements look for names in. `public` is one of them, for the sake of extensions,
    /// unless the server's own tables are there.
    package static func searchPath(tablesIn schema: String) -> [String] {
        [CompatibilityViews.modulesSchema, CompatibilityViews.schema] + (schema == "public" ? [] : ["public"])
    }

    func open() async throws -> any Database {
        switch self {
        case .sqlite(let server, let modules, let synchronous):
            let options = SQLiteOptions(
                synchronous: synchronous, readerLimit: 2, writerCache: 2_048, readerCache: 1_024,
                connectionScript: Self.attaching(server))
            return try await SQLiteDatabase.open(path: modules, options: options)
        case .postgresql(var parameters, let schema):
            parameters.connectionLimit = 2
            parameters.searchPath = Self.searchPath(tablesIn: schema)
            return try await PostgresDatabase.open(parameters)
        }
    }

    /// What shows a connection of modules the server's database.
    private static func attaching(_ server: String) -> String {
        let name = SQLiteDatabase.attachesByURI ? "file:\(percentEncoded(server))?mode=ro" : server
        let attach = """
            ATTACH DATABASE '\(name.replacing("'", with: "''"))' AS \(CompatibilityViews.attachedSchema);

            """
        return attach + CompatibilityViews.temporaryScripts.joined()
    }

    /// A path as the path of a URI.
    private static func percentEncoded(_ path: String) -> String {
        var encoded = ""
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."), UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }

    // MARK: For hosts in other languages

    /// What a host needs to open the database itself: the members `database` and `compat_views` of what it is
    /// configured with. It holds secrets.
    package var hostDescription: JSONObject {
        switch self {
        case .sqlite(let server, let modules, let synchronous):
            [
                "database": [
                    "engine": "sqlite", "modules": .string(modules), "server": .string(server),
                    "synchronous": .string(synchronous.rawValue),
                ],
                "compat_views": ["sqlite": .array(CompatibilityViews.temporaryScripts.map { .string($0) })],
            ]
        case .postgresql(let parameters, let schema):
            [
                "database": [
                    "engine": "postgresql", "dsn": .string(parameters.connectionString),
                    "search_path": .array(Self.searchPath(tablesIn: schema).map { .string($0) }),
                    "connections": .integer(Int64(max(1, min(5, parameters.connectionLimit)))),
                ],
                "compat_views": [:],
            ]
        }
    }
}
