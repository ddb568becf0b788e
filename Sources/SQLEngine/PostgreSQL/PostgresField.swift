import CPostgres

/// PostgreSQL's built-in types that we send or understand, by their object identifiers (`pg_type.dat`).
enum PostgresType {
    static let bool: Oid = 16
    static let bytea: Oid = 17
    static let name: Oid = 19
    static let int8: Oid = 20
    static let int2: Oid = 21
    static let int4: Oid = 23
    static let text: Oid = 25
    static let oid: Oid = 26
    static let float4: Oid = 700
    static let float8: Oid = 701
    static let unknown: Oid = 705
    static let int4Array: Oid = 1007
    static let textArray: Oid = 1009
    static let int8Array: Oid = 1016
    static let json: Oid = 114
    static let character: Oid = 1042
    static let varchar: Oid = 1043
    static let numeric: Oid = 1700
    static let jsonb: Oid = 3802
}

/// One field of a result in binary format.
struct PostgresField {
    let bytes: UnsafeRawBufferPointer
    private let type: Oid

    init(_ result: OpaquePointer, _ row: Int32, _ column: Int32) {
        bytes = UnsafeRawBufferPointer(
            start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
        type = PQftype(result, column)
    }

    var integer: Int64 {
        guard !bytes.isEmpty else { return 0 }
        return switch type {
        case PostgresType.int8: Int64(bitPattern: bigEndian(as: UInt64.self))
        case PostgresType.int4: Int64(Int32(bitPattern: bigEndian(as: UInt32.self)))
        case PostgresType.int2: Int64(Int16(bitPattern: bigEndian(as: UInt16.self)))
        case PostgresType.bool: bytes[0] == 0 ? 0 : 1
        case PostgresType.oid: Int64(bigEndian(as: UInt32.self))
        case PostgresType.numeric: wholeNumeric
        case PostgresType.float8, PostgresType.float4: Int64(exactly: real.rounded(.towardZero)) ?? 0
        default: Int64(String(decoding: bytes, as: UTF8.self)) ?? 0
        }
    }

    var real: Double {
        guard !bytes.isEmpty else { return 0 }
        return switch type {
        case PostgresType.float8: Double(bitPattern: bigEndian(as: UInt64.self))
        case PostgresType.float4: Double(Float(bitPattern: bigEndian(as: UInt32.self)))
        case PostgresType.int8, PostgresType.int4, PostgresType.int2, PostgresType.bool, PostgresType.oid:
            Double(integer)
        case PostgresType.numeric: numeric
        default: Double(String(decoding: bytes, as: UTF8.self)) ?? 0
        }
    }

    var text: String {
        guard !bytes.isEmpty else { return "" }
        return switch type {
        case PostgresType.int8, PostgresType.int4, PostgresType.int2, PostgresType.bool, PostgresType.oid:
            String(integer)
        case PostgresType.float8, PostgresType.float4, PostgresType.numeric: String(real)
        default: String(decoding: bytes, as: UTF8.self)
        }
    }

    /// The field as what it is; the bytes of a type that has no like in ``SQLValue``.
    var value: SQLValue {
        switch type {
        case PostgresType.int8, PostgresType.int4, PostgresType.int2, PostgresType.bool, PostgresType.oid:
            .integer(integer)
        case PostgresType.float8, PostgresType.float4: .real(real)
        case PostgresType.numeric: numericScale == 0 ? .integer(wholeNumeric) : .real(numeric)
        case PostgresType.text, PostgresType.varchar, PostgresType.name, PostgresType.unknown, PostgresType.json,
            PostgresType.character:
            .text(String(decoding: bytes, as: UTF8.self))
        // Its first byte is the version of the format, which is the text.
        case PostgresType.jsonb: .text(String(decoding: bytes.dropFirst(), as: UTF8.self))
        default: .blob(Array(bytes))
        }
    }

    private func bigEndian<Number: FixedWidthInteger>(as type: Number.Type) -> Number {
        guard bytes.count >= MemoryLayout<Number>.size else { return 0 }
        return Number(bigEndian: bytes.loadUnaligned(as: Number.self))
    }

    // A `numeric`, such as `SUM` of `BIGINT` yields, is a header of four 16-bit numbers (how many digits, the power of
    // 10,000 of the first, sign, scale) and then digits to the base 10,000.

    private var numeric: Double {
        guard bytes.count >= 8 else { return 0 }
        var value = 0.0
        for power in stride(from: max(0, numericWeight), through: min(0, numericWeight - numericCount + 1), by: -1) {
            // Dividing keeps decimal fractions as exact as they can be.
            let digit = Double(numericDigit(power))
            if power >= 0 {
                value = value * 10_000 + digit
            } else {
                var unit = 1.0
                for _ in power..<0 {
                    unit *= 10_000
                }
                value += digit / unit
            }
        }
        return isNegativeNumeric ? -value : value
    }

    private var wholeNumeric: Int64 {
        guard bytes.count >= 8, numericWeight >= 0 else { return 0 }
        var value: Int64 = 0
        for power in stride(from: numericWeight, through: 0, by: -1) {
            let (product, overflows) = value.multipliedReportingOverflow(by: 10_000)
            let digit = Int64(numericDigit(power))
            let (sum, overflowsToo) =
                isNegativeNumeric
                ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            if overflows || overflowsToo { return isNegativeNumeric ? .min : .max }
            value = sum
        }
        return value
    }

    private var numericCount: Int {
        min(Int(number(at: 0)), (bytes.count - 8) / 2)
    }

    private var numericWeight: Int {
        Int(Int16(bitPattern: number(at: 1)))
    }

    /// How many digits after the point are shown.
    private var numericScale: Int {
        bytes.count >= 8 ? Int(number(at: 3)) : 0
    }

    private var isNegativeNumeric: Bool {
        number(at: 2) == 0x4000
    }

    /// The digit that counts 10,000 to the power of `power`; trailing zeros aren't sent.
    private func numericDigit(_ power: Int) -> UInt16 {
        let index = numericWeight - power
        return 0..<numericCount ~= index ? number(at: 4 + index) : 0
    }

    private func number(at index: Int) -> UInt16 {
        UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
    }
}
