// A component that is drawn anew only when one of its properties is another.
// Knows nothing about which component.

import { Component, createElement, type FunctionComponent } from "preact";

export function memo<P extends object>(
  Drawn: FunctionComponent<P>,
): new (props: P) => Component<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const before = this.props as Readonly<Record<string, unknown>>;
      return Object.entries(next).some(
        ([name, value]) => name !== "children" && before[name] !== value,
      );
    }

    override render() {
      return createElement(Drawn, this.props as P);
    }
  };
}
