/// What a parser has read of the arrays, or of the objects, it is inside of. Every finished one is moved off the top into
/// an array of just its size: nothing is copied while it grows, and nothing is held that is not used.
struct JSONStack<Element>: ~Copyable {
    private var storage: UnsafeMutablePointer<Element>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = capacity
        storage = .allocate(capacity: capacity)
    }

    deinit {
        storage.deinitialize(count: count)
        storage.deallocate()
    }

    mutating func append(_ element: consuming Element) {
        if count == capacity { grow() }
        (storage + count).initialize(to: element)
        count += 1
    }

    /// The elements from `start` on.
    func top(from start: Int) -> UnsafeMutableBufferPointer<Element> {
        precondition(start >= 0 && start <= count)
        return UnsafeMutableBufferPointer(start: storage + start, count: count - start)
    }

    /// Takes the elements from `start` on off the stack.
    mutating func take(from start: Int) -> [Element] {
        let top = top(from: start)
        let array = [Element](unsafeUninitializedCapacity: top.count) { buffer, initialized in
            initialized = buffer.moveInitialize(fromContentsOf: top)
        }
        count = start
        return array
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: storage, count: count)
        storage.deallocate()
        storage = larger
        capacity *= 2
    }
}
