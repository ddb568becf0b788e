package import MatrixCore

/// A place in a configuration file.
package struct SourceLocation: Hashable, Sendable, CustomStringConvertible {
    package let file: String
    /// The line, counted from 1; `nil` where the reader could not tell.
    package let line: Int?

    package init(file: String, line: Int? = nil) { (self.file, self.line) = (file, line) }

    package var description: String { line.map { "\(file):\($0)" } ?? file }
}

/// A value of a configuration file, and where it stands.
package struct SourceNode: Sendable {
    package enum Value: Sendable {
        case null
        case bool(Bool)
        case integer(Int64)
        case double(Double)
        case string(String)
        case array([SourceNode])
        case object([SourceMember])
    }

    package let value: Value
    package let location: SourceLocation

    package init(_ value: Value, at location: SourceLocation) { (self.value, self.location) = (value, location) }

    package var isNull: Bool { if case .null = value { true } else { false } }
    package var string: String? { if case .string(let string) = value { string } else { nil } }
    package var array: [SourceNode]? { if case .array(let nodes) = value { nodes } else { nil } }
    package var members: [SourceMember]? { if case .object(let members) = value { members } else { nil } }

    /// A member of a mapping.
    package subscript(key: String) -> SourceNode? { members?.first { $0.key == key }?.value }

    /// The value without its place.
    package var json: JSON {
        switch value {
        case .null: .null
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .double(let value): .double(value)
        case .string(let value): .string(value)
        case .array(let nodes): .array(nodes.map(\.json))
        case .object(let members): .object(JSONObject(members.map { ($0.key, $0.value.json) }))
        }
    }

    /// What kind of value this is, as a message names it. The value itself may be a secret and is never shown.
    package var kind: String {
        switch value {
        case .null: "nothing"
        case .bool: "true or false"
        case .integer: "a whole number"
        case .double: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "a mapping"
        }
    }

    /// Gives a JSON value the place of the file it came from.
    init(_ json: JSON, at location: SourceLocation) {
        self.location = location
        value =
            switch json {
            case .null: .null
            case .bool(let value): .bool(value)
            case .integer(let value): .integer(value)
            case .double(let value): .double(value)
            case .string(let value): .string(value)
            case .array(let values): .array(values.map { SourceNode($0, at: location) })
            case .object(let object):
                .object(
                    object.members.map {
                        SourceMember(key: $0.key, location: location, value: SourceNode($0.value, at: location))
                    })
            }
    }
}

/// A member of a mapping, and where its key stands.
package struct SourceMember: Sendable {
    package let key: String
    package let location: SourceLocation
    package let value: SourceNode
}
