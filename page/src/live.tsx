export const LiveView = () => <p />;
