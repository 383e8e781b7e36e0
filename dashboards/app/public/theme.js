// Sets the theme that was chosen before the first paint; a module would come too late, and inline scripts are not allowed.
try {
  document.documentElement.dataset.theme = localStorage.getItem('tickcast-theme') ?? 'auto';
} catch {
  document.documentElement.dataset.theme = 'auto';
}
