/// What is wrong with a configuration: where, with which option, and how to mend it.
package struct ConfigurationFault: Hashable, Sendable, CustomStringConvertible {
    package let location: SourceLocation?
    /// The option's dotted name, entries of lists as `<item N>` counted from 0; `nil` for a fault of a whole file.
    package let option: String?
    package let problem: String
    /// What to write or do instead.
    package let fix: String?

    package init(at location: SourceLocation? = nil, option: String? = nil, problem: String, fix: String? = nil) {
        (self.location, self.option, self.problem, self.fix) = (location, option, problem, fix)
    }

    /// `file:line: option 'a.b': what is wrong; how to mend it`
    package var description: String {
        var text = location.map { "\($0): " } ?? ""
        if let option { text += "option '\(option)': " }
        text += problem
        if let fix { text += "; \(fix)" }
        return text
    }
}

/// A configuration that cannot be used. Holds every fault found, in the order of the files.
package struct ConfigurationError: Error, CustomStringConvertible {
    package let faults: [ConfigurationFault]

    package init(_ faults: [ConfigurationFault]) { self.faults = faults }
    package init(_ fault: ConfigurationFault) { faults = [fault] }

    package var description: String { faults.map(\.description).joined(separator: "\n") }
}
