import CPostgres
import GRDBSQLite

/// One row of a result, valid inside the closure it is passed to. Columns count from 0.
///
/// Getters convert: an integer read as text is its decimal form, text that isn't a number reads as 0, and `NULL` as 0,
/// `""` or no bytes unless the optional getter is used. Text is checked: bytes that aren't UTF-8 become U+FFFD.
package struct Row: ~Copyable {
    private enum Source {
        case sqlite(OpaquePointer)
        case postgresql(OpaquePointer, row: Int32)
    }

    private let source: Source

    /// The row a SQLite statement has just stepped to.
    init(statement: OpaquePointer) {
        source = .sqlite(statement)
    }

    /// Row `row` of a PostgreSQL result in binary format.
    init(result: OpaquePointer, row: Int32) {
        source = .postgresql(result, row: row)
    }

    package var columnCount: Int {
        switch source {
        case .sqlite(let statement): Int(sqlite3_column_count(statement))
        case .postgresql(let result, _): Int(PQnfields(result))
        }
    }

    /// The column as what it is. On PostgreSQL a whole `numeric`, such as a sum of integers, is an integer, and a value
    /// of a type that has no like here (a date, an array) is its bytes.
    package func value(_ column: Int) -> SQLValue {
        if isNull(column) { return .null }
        switch source {
        case .sqlite(let statement):
            switch sqlite3_column_type(statement, Int32(column)) {
            case SQLITE_INTEGER: return .integer(int(column))
            case SQLITE_FLOAT: return .real(double(column))
            case SQLITE_TEXT: return .text(text(column))
            default: return .blob(blob(column))
            }
        case .postgresql(let result, let row):
            return PostgresField(result, row, Int32(column)).value
        }
    }

    package func isNull(_ column: Int) -> Bool {
        switch source {
        case .sqlite(let statement):
            sqlite3_column_type(statement, Int32(column)) == SQLITE_NULL
        case .postgresql(let result, let row):
            PQgetisnull(result, row, Int32(column)) == 1
        }
    }

    package func int(_ column: Int) -> Int64 {
        switch source {
        case .sqlite(let statement):
            sqlite3_column_int64(statement, Int32(column))
        case .postgresql(let result, let row):
            PostgresField(result, row, Int32(column)).integer
        }
    }

    package func double(_ column: Int) -> Double {
        switch source {
        case .sqlite(let statement):
            sqlite3_column_double(statement, Int32(column))
        case .postgresql(let result, let row):
            PostgresField(result, row, Int32(column)).real
        }
    }

    /// Whether the column holds a number other than 0.
    package func bool(_ column: Int) -> Bool {
        int(column) != 0
    }

    package func text(_ column: Int) -> String {
        switch source {
        case .sqlite(let statement):
            // The pointer must be asked for before the length: asking converts, and the length is that of the
            // conversion.
            guard let start = sqlite3_column_text(statement, Int32(column)) else { return "" }
            let count = Int(sqlite3_column_bytes(statement, Int32(column)))
            return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
        case .postgresql(let result, let row):
            return PostgresField(result, row, Int32(column)).text
        }
    }

    package func blob(_ column: Int) -> [UInt8] {
        withBytes(column) { Array($0) }
    }

    /// Passes the column's bytes without copying them; for a text column, its UTF-8.
    package func withBytes<Value>(_ column: Int, _ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
        switch source {
        case .sqlite(let statement):
            let start = sqlite3_column_blob(statement, Int32(column))
            let count = Int(sqlite3_column_bytes(statement, Int32(column)))
            return try body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
        case .postgresql(let result, let row):
            return try body(PostgresField(result, row, Int32(column)).bytes)
        }
    }

    package func optionalInt(_ column: Int) -> Int64? {
        isNull(column) ? nil : int(column)
    }

    package func optionalText(_ column: Int) -> String? {
        isNull(column) ? nil : text(column)
    }

    package func optionalBlob(_ column: Int) -> [UInt8]? {
        isNull(column) ? nil : blob(column)
    }

    package func optionalDouble(_ column: Int) -> Double? {
        isNull(column) ? nil : double(column)
    }
}
