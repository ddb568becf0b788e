/// Why a value has no canonical JSON form.
public enum CanonicalJSONError: Error, Hashable, Sendable {
    /// An integer outside ±(2⁵³ − 1).
    case integerOutOfRange(Int64)
    /// A number that is not an integer.
    case notAnInteger(Double)
}

/// Which numbers canonical JSON admits.
///
/// Spec: Appendices, [Canonical JSON](https://spec.matrix.org/v1.19/appendices/#canonical-json). Room versions 1 to 5
/// did not enforce its rule on numbers.
public enum CanonicalNumbers: Sendable {
    /// Integers of ±(2⁵³ − 1) only.
    case strict
    /// Any number, as room versions before 6 have them.
    case any
}

extension JSON {
    /// The largest magnitude of an integer in canonical JSON, 2⁵³ − 1.
    public static let maximumInteger: Int64 = 9_007_199_254_740_991

    /// Appends the value in canonical form: keys sorted by bytes, no white space, shortest escapes.
    public func encodeCanonically(
        into output: inout [UInt8], numbers: CanonicalNumbers = .strict
    ) throws(CanonicalJSONError) {
        switch self {
        case .integer(let value):
            if case .strict = numbers, value.magnitude > UInt64(Self.maximumInteger) {
                throw .integerOutOfRange(value)
            }
            output.appendDecimal(value)
        case .double(let value):
            if case .strict = numbers { throw .notAnInteger(value) }
            output.appendNumber(value)
        case .array(let values):
            output.append(UInt8(ascii: "["))
            var first = true
            for value in values {
                if !first { output.append(UInt8(ascii: ",")) }
                first = false
                try value.encodeCanonically(into: &output, numbers: numbers)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let object): try object.encodeCanonically(into: &output, numbers: numbers)
        case .null, .bool, .string: encode(into: &output)
        }
    }
}

extension JSONObject {
    /// The object as canonical JSON.
    public func canonical(numbers: CanonicalNumbers = .strict) throws(CanonicalJSONError) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(512)
        try encodeCanonically(into: &output, numbers: numbers)
        return output
    }

    /// Appends the object in canonical form.
    public func encodeCanonically(
        into output: inout [UInt8], numbers: CanonicalNumbers = .strict
    ) throws(CanonicalJSONError) {
        output.append(UInt8(ascii: "{"))
        var first = true
        for (key, value) in membersInKeyOrder() {
            if !first { output.append(UInt8(ascii: ",")) }
            first = false
            output.appendJSONString(key)
            output.append(UInt8(ascii: ":"))
            try value.encodeCanonically(into: &output, numbers: numbers)
        }
        output.append(UInt8(ascii: "}"))
    }

    /// Members by key; what was canonical already is not sorted again.
    func membersInKeyOrder() -> [Member] {
        for index in members.indices.dropFirst()
        where !members[index - 1].key.precedesInBytes(members[index].key) {
            return sortedMembers()
        }
        return members
    }
}
