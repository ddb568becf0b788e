package import SQLEngine

/// The rooms' tables, seen through one transaction.
///
/// Make one per transaction: what it writes reaches the caches when the transaction is committed, not before.
package struct RoomStores {
    package let transaction: Transaction
    package let caches: StorageCaches
    /// The state tries.
    package let states: StateTree
    let graph = GraphMemo()
    private let access: StateTree.Access

    package init(_ transaction: Transaction, caches: StorageCaches, _ access: StateTree.Access) {
        self.transaction = transaction
        self.caches = caches
        self.access = access
        states = StateTree(transaction, cache: caches.nodes, access)
    }

    /// Puts what was read or written into a cache: at once if it is committed, else when it is.
    func publish(_ action: @escaping @Sendable () -> Void) {
        switch access {
        case .reading: action()
        case .writing: transaction.onCommit(action)
        }
    }
}
