import CPostgres

/// The values of one statement as libpq takes them: one buffer, and where in it each value lies.
///
/// Kept by its connection and filled anew for each statement, so that nothing is allocated per statement.
struct PostgresArguments {
    private var buffer: [UInt8] = []
    /// Where each value begins; −1 for `NULL`.
    private var offsets: [Int] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    private static let textFormat: Int32 = 0
    private static let binaryFormat: Int32 = 1

    /// Encodes `values` for parameters of `types`.
    mutating func encode(_ values: [SQLValue], as types: [Oid], sql: String) throws(SQLError) {
        buffer.removeAll(keepingCapacity: buffer.capacity < 1 << 16)
        offsets.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        formats.removeAll(keepingCapacity: true)
        guard values.count == types.count else {
            throw SQLError(.other, "the statement takes \(types.count) values, not \(values.count)", sql: sql)
        }
        for (index, value) in values.enumerated() {
            guard value != .null else {
                offsets.append(-1)
                lengths.append(0)
                formats.append(PostgresArguments.binaryFormat)
                continue
            }
            let start = buffer.count
            guard let format = append(value, as: types[index]) else {
                throw SQLError(
                    .other, "value $\(index + 1) doesn't fit its parameter, of type \(types[index]) (see pg_type)",
                    sql: sql)
            }
            offsets.append(start)
            lengths.append(Int32(truncatingIfNeeded: buffer.count - start))
            formats.append(format)
            // libpq reads values in text format up to a NUL.
            buffer.append(0)
        }
    }

    /// Passes pointers to the values, their lengths and their formats.
    func withPointers<Value>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Value
    ) -> Value {
        if offsets.isEmpty { return body(nil, nil, nil) }
        return buffer.withUnsafeBytes { buffer in
            // Never nil, even if all values are: a nil pointer means NULL.
            let start = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            return withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: offsets.count) { pointers in
                for (index, offset) in offsets.enumerated() {
                    pointers.initializeElement(at: index, to: offset < 0 ? nil : start.map { $0 + offset })
                }
                return lengths.withUnsafeBufferPointer { lengths in
                    formats.withUnsafeBufferPointer { formats in
                        body(UnsafePointer(pointers.baseAddress), lengths.baseAddress, formats.baseAddress)
                    }
                }
            }
        }
    }

    /// Appends a value and tells its format; `nil` if it can't be a value of that type.
    private mutating func append(_ value: SQLValue, as type: Oid) -> Int32? {
        switch value {
        case .null:
            return nil
        case .integer(let integer):
            return append(integer, as: type)
        case .real(let real):
            if type == PostgresType.float8 {
                append(bigEndian: real.bitPattern)
                return PostgresArguments.binaryFormat
            }
            buffer.append(contentsOf: real.description.utf8)
            return PostgresArguments.textFormat
        case .text(let text):
            return append(text, as: type)
        case .blob(let bytes):
            guard type == PostgresType.bytea else { return nil }
            buffer.append(contentsOf: bytes)
            return PostgresArguments.binaryFormat
        case .integers(let integers):
            guard type == PostgresType.int8Array else { return nil }
            appendArrayHeader(count: integers.count, of: PostgresType.int8)
            for integer in integers {
                append(bigEndian: UInt32(8))
                append(bigEndian: integer)
            }
            return PostgresArguments.binaryFormat
        case .texts(let texts):
            guard type == PostgresType.textArray else { return nil }
            appendArrayHeader(count: texts.count, of: PostgresType.text)
            for text in texts {
                append(bigEndian: UInt32(truncatingIfNeeded: text.utf8.count))
                buffer.append(contentsOf: text.utf8)
            }
            return PostgresArguments.binaryFormat
        }
    }

    private mutating func append(_ integer: Int64, as type: Oid) -> Int32? {
        switch type {
        case PostgresType.int8:
            append(bigEndian: integer)
        case PostgresType.int4:
            guard let narrow = Int32(exactly: integer) else { return nil }
            append(bigEndian: narrow)
        case PostgresType.int2:
            guard let narrow = Int16(exactly: integer) else { return nil }
            append(bigEndian: narrow)
        case PostgresType.bool:
            guard 0...1 ~= integer else { return nil }
            buffer.append(UInt8(integer))
        default:
            buffer.append(contentsOf: String(integer).utf8)
            return PostgresArguments.textFormat
        }
        return PostgresArguments.binaryFormat
    }

    private mutating func append(_ text: String, as type: Oid) -> Int32? {
        buffer.append(contentsOf: text.utf8)
        switch type {
        case PostgresType.text, PostgresType.varchar, PostgresType.name, PostgresType.unknown:
            // The server checks for NUL and answers with an error.
            return PostgresArguments.binaryFormat
        case PostgresType.bytea:
            return nil
        default:
            return text.utf8.contains(0) ? nil : PostgresArguments.textFormat
        }
    }

    /// One dimension, counted from 1, without `NULL`s.
    private mutating func appendArrayHeader(count: Int, of type: Oid) {
        append(bigEndian: UInt32(1))
        append(bigEndian: UInt32(0))
        append(bigEndian: type)
        append(bigEndian: UInt32(truncatingIfNeeded: count))
        append(bigEndian: UInt32(1))
    }

    private mutating func append(bigEndian number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { buffer.append(contentsOf: $0) }
    }
}
