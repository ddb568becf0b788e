import GRDBSQLite

/// SQLite copies the bytes it is given.
private let transient = unsafeBitCast(OpaquePointer(bitPattern: -1), to: sqlite3_destructor_type.self)

/// A prepared statement and where its parameters are.
final class SQLiteStatement: CachedStatement {
    let handle: OpaquePointer
    let sql: String
    /// False for one that is thrown away after use.
    let isCached: Bool
    /// Whether `sqlite3_changes` speaks of this statement.
    let countsChanges: Bool

    /// SQLite's index of `$n`, at n − 1: SQLite counts names in the order they appear.
    private let positions: [Int32]
    private var holdsMuch = false

    init(_ sql: String, on connection: OpaquePointer, isCached: Bool = true) throws(SQLError) {
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(
            connection, sql, -1, isCached ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0, &prepared, nil)
        guard code == SQLITE_OK else { throw SQLError(code, on: connection, sql: sql) }
        guard let prepared else { throw SQLError(.other, "there is no statement", sql: sql) }
        handle = prepared
        self.sql = sql
        self.isCached = isCached
        countsChanges = sqlite3_stmt_readonly(prepared) == 0 && SQLiteStatement.changesRows(sql)
        do throws(SQLError) {
            positions = try SQLiteStatement.positions(of: prepared, sql)
        } catch {
            sqlite3_finalize(prepared)
            throw error
        }
    }

    private static func changesRows(_ sql: String) -> Bool {
        let keyword = sql.utf8.drop { $0 <= 0x20 }.prefix { $0 > 0x20 }
        return ["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"].contains(String(Substring(keyword)).uppercased())
    }

    private static func positions(of statement: OpaquePointer, _ sql: String) throws(SQLError) -> [Int32] {
        let count = sqlite3_bind_parameter_count(statement)
        var positions = [Int32](repeating: 0, count: Int(count))
        for index in 0..<count {
            guard let name = sqlite3_bind_parameter_name(statement, index + 1), name[0] == UInt8(ascii: "$"),
                let number = Int(String(cString: name + 1)), 1...Int(count) ~= number
            else { throw SQLError(.other, "parameters must be named $1 to $n without a gap", sql: sql) }
            positions[number - 1] = index + 1
        }
        return positions
    }

    func bind(_ values: [SQLValue]) throws(SQLError) {
        guard values.count == positions.count else {
            throw SQLError(.other, "the statement takes \(positions.count) values, not \(values.count)", sql: sql)
        }
        for (index, value) in values.enumerated() {
            let code = try bind(value, at: positions[index])
            guard code == SQLITE_OK else {
                throw SQLError(.other, "value $\(index + 1) can't be bound: SQLite error \(code)", sql: sql)
            }
        }
    }

    private func bind(_ value: SQLValue, at position: Int32) throws(SQLError) -> Int32 {
        switch value {
        case .null:
            return sqlite3_bind_null(handle, position)
        case .integer(let integer):
            return sqlite3_bind_int64(handle, position, integer)
        case .real(let real):
            return sqlite3_bind_double(handle, position, real)
        case .text(let text):
            return bind(text, at: position)
        case .blob(let bytes):
            if bytes.isEmpty { return sqlite3_bind_zeroblob(handle, position, 0) }
            return bytes.withUnsafeBytes { bytes in
                note(bytes.count)
                return sqlite3_bind_blob64(handle, position, bytes.baseAddress, UInt64(bytes.count), transient)
            }
        case .integers(let integers):
            return bind(jsonArray(integers), at: position)
        case .texts(let texts):
            return bind(try jsonArray(texts), at: position)
        }
    }

    private func bind(_ text: String, at position: Int32) -> Int32 {
        let code = text.utf8.withContiguousStorageIfAvailable { utf8 in
            bind(utf8, at: position)
        }
        return code ?? Array(text.utf8).withUnsafeBufferPointer { bind($0, at: position) }
    }

    private func bind(_ utf8: UnsafeBufferPointer<UInt8>, at position: Int32) -> Int32 {
        note(utf8.count)
        guard let start = utf8.baseAddress, !utf8.isEmpty else {
            return sqlite3_bind_text(handle, position, "", 0, transient)
        }
        return start.withMemoryRebound(to: CChar.self, capacity: utf8.count) { start in
            sqlite3_bind_text64(handle, position, start, UInt64(utf8.count), transient, UInt8(SQLITE_UTF8))
        }
    }

    private func note(_ count: Int) {
        if count > 4_096 { holdsMuch = true }
    }

    private func jsonArray(_ integers: [Int64]) -> String {
        var json = "["
        for integer in integers {
            if json.utf8.count > 1 { json += "," }
            json += String(integer)
        }
        return json + "]"
    }

    private func jsonArray(_ texts: [String]) throws(SQLError) -> String {
        var json: [UInt8] = [UInt8(ascii: "[")]
        for text in texts {
            if json.count > 1 { json.append(UInt8(ascii: ",")) }
            json.append(UInt8(ascii: "\""))
            for byte in text.utf8 {
                switch byte {
                case 0:
                    throw SQLError(.other, "text in a list can't hold U+0000", sql: sql)
                case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                    json.append(UInt8(ascii: "\\"))
                    json.append(byte)
                case ..<0x20:
                    json.append(contentsOf: "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
                default:
                    json.append(byte)
                }
            }
            json.append(UInt8(ascii: "\""))
        }
        json.append(UInt8(ascii: "]"))
        return String(decoding: json, as: UTF8.self)
    }

    /// Makes the statement ready for its next use.
    func reset() {
        sqlite3_reset(handle)
        if holdsMuch {
            sqlite3_clear_bindings(handle)
            holdsMuch = false
        }
    }

    func finalize() {
        sqlite3_finalize(handle)
    }
}

extension SQLError {
    /// What `connection` says about the call that has just answered `code`.
    init(_ code: Int32, on connection: OpaquePointer, sql: String?) {
        let extended = sqlite3_extended_errcode(connection)
        let kind: Kind =
            switch extended {
            // SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE and _ROWID, which are macros Swift doesn't import.
            case SQLITE_CONSTRAINT | (6 << 8), SQLITE_CONSTRAINT | (8 << 8), SQLITE_CONSTRAINT | (10 << 8):
                .uniqueViolation
            default:
                switch code & 0xff {
                case SQLITE_CONSTRAINT: .constraintViolation
                case SQLITE_BUSY, SQLITE_LOCKED: .busy
                default: .other
                }
            }
        self.init(kind, String(cString: sqlite3_errmsg(connection)), sql: sql)
    }
}
