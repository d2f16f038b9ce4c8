import { effect } from '@preact/signals';
import { render } from 'preact';
import './app.css';
import { Session } from './session';
import { theme } from './state';
import { App } from './ui/App';

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

const session = new Session();
render(<App session={session} />, document.getElementById('app')!);

if (new URLSearchParams(location.search).get('test') === '1') {
  void import('./testhook').then(m => m.expose(session));
}
