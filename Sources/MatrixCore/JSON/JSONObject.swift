/// The members of a JSON object, in the order they were given.
///
/// Keys are compared by bytes and are unique. Look-up is linear, as objects are small; a builder of large objects should
/// append members it knows to be new with ``appendNew(_:_:)``.
public struct JSONObject: Sendable {
    public typealias Member = (key: String, value: JSON)

    public private(set) var members: [Member]

    public init() { members = [] }

    /// Makes an object of `members`; of several with one key the last one's value counts.
    public init(_ members: some Sequence<(String, JSON)>) {
        self.init()
        for (key, value) in members { self[key] = value }
    }

    /// Wraps members that are known to have distinct keys.
    init(uniqueMembers members: [Member]) { self.members = members }

    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }
    public var keys: some Sequence<String> { members.lazy.map(\.key) }

    /// A member's value. Setting `nil` removes the member; setting a new key appends it.
    public subscript(key: String) -> JSON? {
        get { index(of: key).map { members[$0].value } }
        set {
            switch (index(of: key), newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append((key, value))
            case (nil, nil): break
            }
        }
    }

    /// Appends a member without looking for an earlier one.
    /// - Precondition: No member has this key.
    public mutating func appendNew(_ key: String, _ value: JSON) { members.append((key, value)) }

    public mutating func reserveCapacity(_ count: Int) { members.reserveCapacity(count) }

    public func contains(_ key: String) -> Bool { index(of: key) != nil }

    public func string(_ key: String) -> String? { self[key]?.stringValue }
    public func integer(_ key: String) -> Int64? { self[key]?.integerValue }
    public func bool(_ key: String) -> Bool? { self[key]?.boolValue }
    public func object(_ key: String) -> JSONObject? { self[key]?.objectValue }
    public func array(_ key: String) -> [JSON]? { self[key]?.arrayValue }

    private func index(of key: String) -> Int? {
        for index in members.indices where members[index].key.hasSameBytes(as: key) { return index }
        return nil
    }
}

extension JSONObject: Hashable {
    /// Equal whatever the order of the members.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        let rightByKey = left.count > 16 ? right.sortedMembers() : nil
        if let rightByKey {
            return zip(left.sortedMembers(), rightByKey).allSatisfy {
                $0.key.hasSameBytes(as: $1.key) && $0.value == $1.value
            }
        }
        return left.members.allSatisfy { right[$0.key] == $0.value }
    }

    public func hash(into hasher: inout Hasher) {
        for (key, value) in sortedMembers() {
            key.hashBytes(into: &hasher)
            hasher.combine(value)
        }
    }

    /// The members sorted by the bytes of their keys.
    public func sortedMembers() -> [Member] { members.sorted { $0.key.precedesInBytes($1.key) } }
}

extension JSONObject: Sequence {
    public func makeIterator() -> IndexingIterator<[Member]> { members.makeIterator() }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSON)...) { self.init(elements) }
}
