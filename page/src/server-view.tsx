export const ServerView = () => <p />;
